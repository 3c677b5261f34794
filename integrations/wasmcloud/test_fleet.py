"""What the measurement rests on, without wash: run `python3 -m unittest` here."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import tempfile
import threading
import time
import unittest
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from unittest import mock

from fleet import check, program, work
from fleet.cluster import Host, fill
from fleet.nats import Nats, NatsError
from fleet.program import Program
from fleet.work import Chunk, Job, Refused, Run

SECRET = r"\$\{(ROWCAST_SECRET_\w+)\}"
HERE = Path(__file__).resolve().parent
# A call's number on its host, from 1 → a status; 0 hangs up without an answer,
# less asks for so many milliseconds of pause.
Manner = Callable[[int], int]
Documents = dict[check.Key, Mapping[str, Any]]


class FakeHost(ThreadingHTTPServer):
    """Answers as the service does: a document per row, all of it written."""

    daemon_threads = True

    def __init__(self, name: str, manner: Manner, loaded: list[Any]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.name = name
        self.manner = manner
        self.loaded = loaded
        self.calls = self.probes = 0
        self.probed: Callable[[int], None] = lambda _: None
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def host(self) -> Host:
        address = f"127.0.0.1:{self.server_address[1]}"
        return Host(self.name, self.name, address, cast(Program, None))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = cast(FakeHost, self.server)
        server.probes += 1
        server.probed(server.probes)
        self.answer(503, {})

    def do_POST(self) -> None:
        server = cast(FakeHost, self.server)
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with server.lock:
            server.calls += 1
            status = server.manner(server.calls)
        rows = body["rows"]
        all_requests = [{"request": {"row": row, "combination": 0}} for row in range(len(rows))]
        given = body.get("remaining") or {"requests": all_requests, "documents": []}
        requests, documents = given["requests"], given["documents"]
        if self.path != "/transfer":
            self.answer(404, {})
        elif status == 0:
            # Also a host that hangs up may have written everything.
            server.loaded.extend(rows)
            self.close_connection = True
        elif status > 0 and status != 200:
            self.answer(status, {})
        else:
            # The second row of a chunk takes a second call, and only that one writes.
            made = requests[:1] if status == 200 else []
            left = requests[len(made) :]
            new = [{**one, "document": rows[one["request"]["row"]]} for one in made]
            waiting = documents + new
            written = [] if left else waiting
            server.loaded.extend(one["document"] for one in written)
            report = {
                "done": len(made),
                "documents": len(waiting),
                "written": len(written),
                "unchanged": 0,
                "superseded": 0,
                "rejected": [],
                "rejected_records": [],
                "rejected_documents": [],
                "remaining": {"requests": left, "documents": waiting} if left else None,
                "stopped": pause(left, status),
                "counters": [{"name": "source.requests", "value": float(len(made))}],
            }
            self.answer(200, report)

    def answer(self, status: int, body: Mapping[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def pause(pending: list[Any], status: int) -> Mapping[str, Any] | None:
    milliseconds = -status if status < 0 else 1
    limit = {
        "retry_after_ms": milliseconds,
        "upstream": "https://api.example.com",
        "reason": "Too many requests",
        "counters": [],
    }
    return {"rate_limited": limit} if pending else None


class Work(unittest.TestCase):
    def setUp(self) -> None:
        for name in ("PROBE_SECONDS", "SILENCE_SECONDS"):
            self.addCleanup(setattr, work, name, getattr(work, name))
        work.PROBE_SECONDS = 0.01

    def run_on(self, *manners: Manner) -> tuple[list[int], work.Tally]:
        loaded: list[Any] = []
        fakes = [FakeHost(f"host-{n}", manner, loaded) for n, manner in enumerate(manners)]
        try:
            chunks = [Chunk(n, [{"id": 2 * n}, {"id": 2 * n + 1}]) for n in range(20)]
            tally = Run(Job({}, {}), chunks, 2).execute([fake.host() for fake in fakes])
        finally:
            for fake in fakes:
                fake.shutdown()
                fake.server_close()
        return sorted({document["id"] for document in loaded}), tally

    def test_nothing_is_lost(self) -> None:
        def well(_: int) -> int:
            return 200

        cases: list[tuple[str, Manner]] = [
            ("well", well),
            ("dead from the start", lambda _: 0),
            ("dead in the middle", lambda call: 200 if call < 12 else 0),
            ("busy now and then", lambda call: 503 if call % 3 == 0 else 200),
        ]
        for name, manner in cases:
            seen = threading.Event()

            def first(call: int, seen: threading.Event = seen) -> int:
                # Leaves work to the other until that has shown its manner.
                if name != "well" and call > 3:
                    seen.wait(60)
                return 200

            def second(call: int, seen: threading.Event = seen, manner: Manner = manner) -> int:
                status = manner(call)
                if status != 200:
                    seen.set()
                return status

            with self.subTest(name):
                loaded, tally = self.run_on(first, second)
                self.assertEqual(loaded, list(range(40)))
                self.assertEqual(tally.documents, 40)
                self.assertEqual(tally.counters["source.requests"], 40)
                self.assertEqual(tally.unanswered.total() > 0, "dead" in name)
                self.assertEqual(tally.postponed > 20, "busy" in name)

    def test_a_refusal_ends_it(self) -> None:
        with self.assertRaises(Refused):
            self.run_on(lambda call: 200 if call < 5 else 400)

    def test_nobody_left_ends_it(self) -> None:
        work.SILENCE_SECONDS = 0.1
        with self.assertRaises(work.Unfinished):
            self.run_on(lambda call: 200 if call < 5 else 0)

    def test_no_chunks_are_no_work(self) -> None:
        self.assertEqual(Run(Job({}, {}), [], 2).execute([]).calls.total(), 0)

    def single(self, manner: Manner) -> tuple[FakeHost, Run]:
        """A host, and a run of one chunk."""
        host = FakeHost("host", manner, [])
        self.addCleanup(host.server_close)
        self.addCleanup(host.shutdown)
        return host, Run(Job({}, {}), [Chunk(0, [{"id": 0}])], 1)

    def test_a_silence_is_not_taken_for_death(self) -> None:
        work.SILENCE_SECONDS = 0
        for silent in (True, False):
            with self.subTest(silent=silent):
                host, run = self.single(lambda _: 0)
                host.probed = lambda probe, over=run._over: over.set() if probe == 3 else None
                run._answered = 0.0
                # Where an upstream wants a pause, a host is asked for ever.
                run._quiet_until = time.monotonic() + 3600 if silent else 0.0
                connection = http.client.HTTPConnection(host.host().address, timeout=60)
                with contextlib.closing(connection):
                    if silent:
                        run._wait_for(host.host(), connection)
                    else:
                        with self.assertRaises(work.Unfinished):
                            run._wait_for(host.host(), connection)
                self.assertEqual(host.probes, 3 if silent else 0)

    def test_nobody_is_called_once_it_is_over(self) -> None:
        host, run = self.single(lambda _: 200)

        def over(_: int) -> int:
            run._over.set()
            return -3_600_000

        host.manner = over
        run.execute([host.host()])
        self.assertEqual(host.calls, 1)
        # The pause is the whole run's.
        self.assertGreater(run._quiet_until, time.monotonic() + 1800)

    def test_silence(self) -> None:
        for stopped, seconds in [
            (None, 0.0),
            ("budget", 0.0),
            ({"rate_limited": {"retry_after_ms": 1500, "reason": "QUOTA_EXCEEDED"}}, 1.5),
            ({"unavailable": {"upstream": "u", "reason": "no answer"}}, work.PROBE_SECONDS),
        ]:
            self.assertEqual(work.pause(stopped), seconds)
        for case in ("denied", "invalid"):
            with self.assertRaisesRegex(Refused, "dynamodb:t.*why"):
                work.pause({case: {"upstream": "dynamodb:t", "reason": "why"}})


class Messages(unittest.TestCase):
    def connected(self, script: bytes, repeated: bytes = b"") -> Nats:
        """A server that says this once connected, and that for ever."""
        listener = socket.create_server(("127.0.0.1", 0))
        over = threading.Event()

        def serve() -> None:
            server, _ = listener.accept()
            with server, contextlib.suppress(OSError):
                server.sendall(b"INFO {}\r\nPONG\r\n" + script)
                while not over.wait(0.02):
                    server.sendall(repeated)

        thread = threading.Thread(target=serve)
        thread.start()
        nats = Nats(f"nats://127.0.0.1:{listener.getsockname()[1]}")
        for end in (listener.close, thread.join, nats.close, over.set):
            self.addCleanup(end)
        return nats

    def test_messages_with_and_without_headers(self) -> None:
        headers = b"NATS/1.0\r\ntrace: 1\r\n\r\n"
        sizes = b"%d %d" % (len(headers), len(headers) + 2)
        nats = self.connected(
            b"PING\r\nMSG other 1 2\r\n{}\r\nMSG a.b 1 2\r\n[]\r\n"
            b"HMSG a.c 1 reply " + sizes + b"\r\n" + headers + b"{}\r\n"
            b"HMSG a.d 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"
        )
        self.assertEqual([nats.next("a.", 5), nats.next("a.", 5)], [[], {}])
        with self.assertRaisesRegex(NatsError, "nobody listens there"):
            nats.next("a.", 5)

    def test_others_messages_do_not_prolong_a_wait(self) -> None:
        nats = self.connected(b"", b'MSG a.b 1 7\r\n"other"\r\n')
        with self.assertRaisesRegex(NatsError, "none within 0 s"):
            nats.next("a.", 0.3, lambda message: message == "mine")


class Running(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.programs = program.Programs(Path(folder.name))
        self.addCleanup(setattr, program, "PATIENCE_SECONDS", program.PATIENCE_SECONDS)
        program.PATIENCE_SECONDS = 0.3

    def test_a_grandchild_with_the_output_is_not_waited_for(self) -> None:
        self.programs.start("parent", ["sh", "-c", "sleep 5 & echo here; wait"]).wait_for("here", 60)
        begun = time.monotonic()
        self.programs.end()
        self.assertLess(time.monotonic() - begun, 3)

    def test_all_are_ended_though_one_cannot_be(self) -> None:
        first = self.programs.start("first", ["sleep", "60"])
        self.addCleanup(first.end)
        last = self.programs.start("last", ["sleep", "60"])
        self.addCleanup(last.end)
        with mock.patch.object(last._process, "send_signal", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                self.programs.end()
        self.assertIsNotNone(first._process.poll())


class Check(unittest.TestCase):
    def test_differences(self) -> None:
        one, other = ("artist", "US#1"), ("artist", "CA#1")
        cases: list[tuple[Documents, Documents, list[str]]] = [
            ({one: {"n": 1}}, {one: {"n": 1}}, []),
            ({one: {}, other: {}}, {one: {}}, [f"lost: {other}"]),
            ({one: {}}, {one: {}, other: {}}, [f"not asked for: {other}"]),
            ({one: {"n": 1}}, {one: {"n": 2}}, [f"different: {one}"]),
        ]
        for wanted, found, said in cases:
            self.assertEqual(check.differences(wanted, found), said)


class Manifests(unittest.TestCase):
    def setUp(self) -> None:
        names = "IMAGE REGION ACCESS_KEY_ID SECRET_ACCESS_KEY SOURCE"
        names += " DYNAMODB URL TOKEN_URL CLIENT_ID CLIENT_SECRET"
        values = {name: f"<{name}>" for name in names.split()}
        self.source = json.dumps(fill(HERE / "source.json", values))
        self.workload = json.dumps(fill(HERE / "workload.json", values))

    def test_every_value_is_filled_in(self) -> None:
        for text in (self.source, self.workload):
            self.assertIn("<", text)
            self.assertNotIn("$", re.sub(SECRET, "", text))

    def test_calls_name_secrets_that_the_hosts_have(self) -> None:
        self.assertNotIn("<CLIENT", self.source)
        named = re.findall(SECRET, self.source)
        self.assertEqual(len(named), 2)
        for name in named:
            self.assertIn(f'"{name}": "<CLIENT', self.workload)


if __name__ == "__main__":
    unittest.main()
