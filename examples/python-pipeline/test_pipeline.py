"""The component in wasmtime-py, a DynamoDB and a source that answer by script →
what became of each document and cell.

    PIPELINE=pipeline.wasm python3 -m unittest    # needs wasmtime 49 or 50
"""

import json
import os
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Linker, Record, Variant

CALL_SECONDS = 10
FINE = {"UnprocessedItems": {}}
CSV = "KEY,TIME_PERIOD,OBS_VALUE,NOTE\r\na,1,1.10,x\r\nb,2,2.20,\r\n"


def record(**members):
    made = Record()
    for name, value in members.items():
        setattr(made, name.replace("_", "-"), value)
    return made


def plain(value):
    """Records become dictionaries, variants pairs."""
    match value:
        case Record():
            return {name: plain(member) for name, member in vars(value).items()}
        case Variant():
            return value.tag, plain(value.payload)
        case list():
            return [plain(element) for element in value]
    return value


def retry(**changed):
    bounds = {"max_attempts": 3, "base_delay_ms": 5, "max_delay_ms": 20, "max_retry_after_ms": 2000}
    return record(**bounds | changed)


def error(code, status=400):
    return status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "m"}


class Pipeline:
    """One instance for each call, as in every host."""

    def __init__(self, file):
        config = Config()
        config.epoch_interruption = True
        self.engine = Engine(config)
        self.component = Component.from_file(self.engine, file)
        self.linker = Linker(self.engine)
        self.linker.allow_shadowing = True
        self.linker.add_wasip2()
        self.linker.add_wasi_http()
        with self.linker.root() as root:
            with root.add_instance("rowcast:pipeline/dynamodb@0.1.0") as dynamodb:
                dynamodb.add_func("send", self.send)
        threading.Thread(target=self.tick, daemon=True).start()

    def tick(self):
        while True:
            time.sleep(0.1)
            self.engine.increment_epoch()

    def send(self, _store, requests):
        return [self.answer(one.operation, json.loads(one.body)) for one in requests]

    def answer(self, operation, body):
        self.asked.append(body)
        status, said = self.script(body, len(self.asked))
        return record(status=status, body=said if isinstance(said, str) else json.dumps(said))

    def call(self, interface, function, *arguments, script=None):
        self.asked, self.script = [], script
        with Store(self.engine) as store:
            store.set_wasi(WasiConfig())
            store.set_wasi_http()
            store.set_epoch_deadline(CALL_SECONDS * 10)
            instance = self.linker.instantiate(store, self.component)
            within = instance.get_export_index(store, f"rowcast:pipeline/{interface}@0.1.0")
            index = instance.get_export_index(store, function, within)
            return plain(instance.get_func(store, index)(store, *arguments))


pipeline = Pipeline(os.environ["PIPELINE"])


class Load(unittest.TestCase):
    def check(self, script, expected, documents=("0", "1", "2", "3"), **changed):
        """Keys, or whole documents → the report's members that are expected, or the failure."""
        texts = [one if one[:1] == "{" else json.dumps({"k": one}) for one in documents]
        keys = record(partition=record(name="k", kind="text"), sort=None)
        table = {"name": "t", "keys": keys, "retry": retry(), "concurrency": 4, **changed}
        found = pipeline.call("load", "load", record(**table), texts, None, script=script)
        if isinstance(expected, dict):
            found = {name: found[name] for name in expected}
        self.assertEqual(found, expected)

    def test_what_is_not_acknowledged_is_not_written(self):
        written = {"written": 4, "requests": 2, "retries": 1}
        other = [{"PutRequest": {"Item": {"k": {"S": "other"}}}}]
        firsts = ["<html>", "[]", '{"Unprocessed', {"UnprocessedItems": {"t": other}}]
        for first in firsts:
            with self.subTest(first):
                self.check(lambda _, turn: (200, first if turn == 1 else FINE), written)
        reason = "HTTP 200: the body is no JSON object"
        self.check(lambda *_: (200, ""), ("unavailable", reason))

    def test_errors_are_told_apart(self):
        for first in [error("RequestTimeTooSkewed"), error("ThrottlingException"), (500, "[]")]:
            with self.subTest(first):
                self.check(lambda _, turn: first if turn == 1 else (200, FINE), {"written": 4})

    def test_a_poisoned_item_is_found_by_whatever_attempts(self):
        for code in ("ValidationException", "ItemCollectionSizeLimitExceededException"):
            with self.subTest(code):
                def script(body, _turn):
                    return error(code) if '"2"' in json.dumps(body) else (200, FINE)

                rejected = [{"index": 2, "path": "", "reason": f"{code}: m"}]
                expected = {"written": 3, "rejected": rejected, "pending": []}
                self.check(script, expected, retry=retry(max_attempts=1))

    def test_a_rejection_survives_an_outage(self):
        rejected = [{"index": 0, "path": "/k", "reason": "the key must be of the type S"}]
        stopped = ("unavailable", "HTTP 500: no reason given")
        expected = {"rejected": rejected, "pending": [1], "stopped": stopped}
        self.check(lambda *_: (500, {}), expected, ["", "1"])

    def test_only_repeats_are_counted_as_such(self):
        def script(_body, turn):
            return error("ThrottlingException") if turn == 1 else (200, FINE)

        many = [str(number) for number in range(200)]
        self.check(script, {"written": 200, "requests": 9, "retries": 1}, many)

    def test_the_last_of_a_key_is_the_one_that_supersedes(self):
        superseded = [{"index": 0, "by": 2}, {"index": 1, "by": 2}]
        self.check(lambda *_: (200, FINE), {"written": 1, "superseded": superseded}, ["a"] * 3)

    def test_what_is_not_written_supersedes_nothing(self):
        def poison(body, _turn):
            poisoned = '"poison"' in json.dumps(body)
            return error("ValidationException") if poisoned else (200, FINE)

        texts = ["a", "a", '{"k":"a","poison":1}', "b"]
        expected = {"written": 2, "superseded": [{"index": 0, "by": 1}], "pending": []}
        self.check(poison, expected, texts)
        expected = {"superseded": [], "pending": [0, 1, 2], "rejected": []}
        unprocessed = {"UnprocessedItems": {"t": [{"PutRequest": {"Item": {"k": {"S": "a"}}}}]}}
        self.check(
            lambda *_: (200, unprocessed), {"written": 1, **expected}, ["a", "a", "a", "b"]
        )

    def test_no_document_ends_the_call(self):
        deep = '{"k":"d","x":' + "[" * 3000 + "]" * 3000 + "}"
        texts = ['{"k":"\\ud800"}', deep, '{"k":"\\ud83d\\ude00","x":"' + "[" * 200 + '"}']
        self.check(lambda *_: (200, FINE), {"written": 1}, texts)

    def test_none_at_once_is_refused(self):
        reason = "table.concurrency is 0; it must be from 1 to 64"
        self.check(None, ("permanent-invalid", reason), concurrency=0)


class Query(unittest.TestCase):
    def test_a_cursor_of_others(self):
        question = {"table": "t", "index": None, "filter": "", "select": [], "limit": None}
        question = record(**question, segments=1, consistent=False, retry=retry())
        for cursor in ("5", "x", "{}"):
            with self.subTest(cursor):
                found = pipeline.call("query", "query", question, cursor, None)
                self.assertEqual(found, ("permanent-invalid", "the cursor is none of ours"))


class Source(ThreadingHTTPServer):
    """Answers by script; says when it was asked."""

    daemon_threads = True

    def __init__(self, script):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.times, self.lock = script, [], threading.Lock()
        self.answered = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        with self.server.lock:
            self.server.times.append(time.monotonic())
            turn = len(self.server.times)
        status, body, headers = self.server.script(turn, self.path)
        self.send_response(status)
        for name, value in {**headers, "content-length": len(body)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body.encode())
        self.server.answered.set()

    def log_message(self, *_):
        pass


class Extract(unittest.TestCase):
    def extract(self, script, rows=('{"c":"A"}', '{"c":"B"}'), **changed):
        """What was answered, and when the source was asked."""
        with Source(script) as self.server:
            port = self.server.server_port
            source = {
                "url": f"http://127.0.0.1:{port}/{{c}}", "headers": [], "matrix": [],
                "records": "", "attributes": [], "require": [], "auth": Variant("none"),
                "pagination": Variant("none"), "max_pages": 1, "concurrency": 4, "retry": retry(),
                "request_timeout_ms": 3000, "max_body_bytes": 100_000, **changed,
            }
            found = pipeline.call("extract", "extract", record(**source), list(rows), None, None)
            self.server.shutdown()
        times = self.server.times
        return found, [at - times[0] for at in times]

    def test_only_the_record_that_lacks_something_is_rejected(self):
        attributes = [record(name="n", value="{record:/NOTE}")]
        found, _ = self.extract(lambda *_: (200, CSV, {}), attributes=attributes)
        rejected = found["rejected-records"]
        places = [(one["cell"]["row"], one["index"], one["path"]) for one in rejected]
        self.assertEqual(places, [(0, 1, "/NOTE"), (1, 1, "/NOTE")])
        self.assertEqual(len(found["documents"]), 2)

    def test_lists_are_in_the_order_of_the_cells(self):
        for status, list_name in ((200, "rejected-records"), (404, "rejected")):
            third = threading.Event()

            def script(turn, path):
                # Two are asked for at once: the third is once the second has its answer.
                if turn == 3:
                    third.set()
                if path == "/A":
                    third.wait(CALL_SECONDS)
                return status, CSV, {}

            with self.subTest(status):
                rows = [json.dumps({"c": name}) for name in "ABC"]
                found, _ = self.extract(script, rows, concurrency=2, require=["/NOTE"])
                self.assertEqual([one["cell"]["row"] for one in found[list_name]], [0, 1, 2])

    def test_no_row_and_no_address_ends_the_call(self):
        found, _ = self.extract(lambda *_: (200, CSV, {}), ['{"c":"\\ud800"}', '{"c":"B"}'])
        self.assertEqual((len(found["rejected"]), len(found["done"])), (1, 1))
        for url in ("http://[::1/{c}", "ftp://127.0.0.1/{c}"):
            found, _ = self.extract(None, url=url)
            self.assertEqual([one["kind"] for one in found["rejected"]], ["template"] * 2)

    def test_a_silence_beyond_every_calendar(self):
        for after in ("9" * 30, "Fri, 31 Dec 9999 23:59:59 GMT"):
            (case, limit), _ = self.extract(lambda *_: (429, "", {"retry-after": after}))
            self.assertEqual((case, limit["retry-after-ms"]), ("rate-limited", 3_153_600_000_000))

    def test_a_silence_that_is_prolonged_is_kept(self):
        second = threading.Event()
        wanted = []

        def script(turn, _path):
            # The second answer comes when the first cell already waits.
            if turn == 1:
                second.wait(CALL_SECONDS)
            if turn == 2:
                second.set()
                self.server.answered.wait(CALL_SECONDS)
                wanted.append(time.monotonic() + 3)
            after = {"retry-after": str(turn + 1)}
            return (429, "", after) if turn <= 2 else (200, CSV, {})

        found, times = self.extract(script, retry=retry(max_retry_after_ms=5000))
        self.assertEqual(len(found["done"]), 2)
        self.assertGreaterEqual(self.server.times[0] + min(times[2:]), wanted[0])

    def test_none_at_once_is_refused(self):
        for changed in ({"concurrency": 0}, {"retry": retry(max_attempts=0)}):
            (case, _), _ = self.extract(None, **changed)
            self.assertEqual(case, "permanent-invalid")


if __name__ == "__main__":
    unittest.main()
