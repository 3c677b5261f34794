"""What the measurement rests on, without wash: run `python3 -m unittest` here."""

from __future__ import annotations

import json
import threading
import unittest
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from fleet import check, work
from fleet.cluster import Host, fill
from fleet.program import Program
from fleet.work import Chunk, Job, Refused, Run

HERE = Path(__file__).resolve().parent
# A call's number on its host, from 1 → a status; 0 hangs up without an answer.
Manner = Callable[[int], int]
Documents = dict[check.Key, Mapping[str, Any]]


class FakeHost(ThreadingHTTPServer):
    """Answers as the service does: a document per row, all of it loaded."""

    daemon_threads = True

    def __init__(self, name: str, manner: Manner, loaded: list[Any]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.name = name
        self.manner = manner
        self.loaded = loaded
        self.calls = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def host(self) -> Host:
        address = f"127.0.0.1:{self.server_address[1]}"
        return Host(self.name, self.name, address, cast(Program, None))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(503, {})

    def do_POST(self) -> None:
        server = cast(FakeHost, self.server)
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with server.lock:
            server.calls += 1
            status = server.manner(server.calls)
        counts = {"requests": 1, "retries": 0, "rejected": []}
        if self.path == "/load" and status in (0, 200):
            # Also a host that hangs up may have written everything.
            server.loaded.extend(body["documents"])
        if status == 0:
            self.close_connection = True
        elif status != 200:
            self.answer(status, {})
        elif self.path == "/extract":
            # The second row of a chunk takes a second call.
            cells = body.get("only") or [{"row": row} for row in range(len(body["rows"]))]
            done, pending = cells[:1], cells[1:]
            documents = [body["rows"][cell["row"]] for cell in done]
            more = {"documents": documents, "pending": pending, "rejected_records": []}
            more["stopped"] = {"rate_limited": {"retry_after_ms": 1}} if pending else None
            self.answer(200, {**counts, **more})
        else:
            written = len(body["documents"])
            more = {"written": written, "superseded": [], "pending": [], "stopped": None}
            self.answer(200, {**counts, **more})

    def answer(self, status: int, body: Mapping[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


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
            with self.subTest(name):
                loaded, tally = self.run_on(well, manner)
                self.assertEqual(loaded, list(range(40)))
                self.assertEqual(tally.documents, 40)
                self.assertEqual(tally.unanswered.total() > 0, "dead" in name)
                self.assertEqual(tally.postponed > 20, "busy" in name)

    def test_a_refusal_ends_it(self) -> None:
        with self.assertRaises(Refused):
            self.run_on(lambda call: 200 if call < 5 else 400)

    def test_nobody_left_ends_it(self) -> None:
        work.SILENCE_SECONDS = 0.1
        with self.assertRaises(work.Unfinished):
            self.run_on(lambda call: 200 if call < 5 else 0)

    def test_silence(self) -> None:
        for stopped, seconds in [
            (None, 0.0),
            ("budget", 0.0),
            ({"rate_limited": {"retry_after_ms": 1500, "reason": "QUOTA_EXCEEDED"}}, 1.5),
            ({"unavailable": "no answer"}, work.PROBE_SECONDS),
        ]:
            self.assertEqual(work.silence(stopped), seconds)
        with self.assertRaises(Refused):
            work.silence({"denied": "403"})


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
    def test_every_value_is_filled_in(self) -> None:
        names = "IMAGE FRONT_IMAGE STANDALONE_IMAGE REGION ACCESS_KEY_ID SECRET_ACCESS_KEY SOURCE"
        names += " DYNAMODB URL TOKEN_URL CLIENT_ID CLIENT_SECRET"
        values = {name: f"<{name}>" for name in names.split()}
        for file in ("workload.json", "workload-linked.json", "source.json"):
            text = json.dumps(fill(HERE / file, values))
            self.assertNotIn("$", text)
            self.assertIn("<", text)


if __name__ == "__main__":
    unittest.main()
