"""The component in wasmtime-py, a DynamoDB and a source that answer by script →
what became of each document and request.

    PIPELINE=pipeline.wasm python3 -m unittest    # needs wasmtime 49 or 50
"""

import json
import threading
import time
import unittest

from pipeline_host import (
    CALL_SECONDS,
    Source,
    error,
    opened,
    record,
    request,
    retry,
    source_at,
)

FINE = {"UnprocessedItems": {}}
CSV = "KEY,TIME_PERIOD,OBS_VALUE,NOTE\r\na,1,1.10,x\r\nb,2,2.20,\r\n"

pipeline = opened()
KEYS = {"partition": {"name": "k", "type": "S"}}
TABLE = {"name": "t", "keys": KEYS, "retry": retry(), "concurrency": 4}


def problem(found):
    """A failure's case and reason."""
    case, why = found
    return case, why["reason"]


class Load(unittest.TestCase):
    def check(self, script, expected, documents=("0", "1", "2", "3"), **changed):
        """Keys, or whole documents → the report's members that are expected, or the failure."""
        texts = [one if one[:1] == "{" else json.dumps({"k": one}) for one in documents]
        table = json.dumps({**TABLE, **changed})
        found = pipeline.call("load", "load", table, texts, None, script=script)
        if isinstance(expected, dict):
            found |= {name[9:]: value for name, value in found["counters"].items()}
            found = {name: found[name] for name in expected}
        else:
            found = problem(found)
        self.assertEqual(found, expected)

    def test_what_is_not_acknowledged_is_not_written(self):
        written = {"written": 4, "requests": 2, "retries": 1}
        other = [{"PutRequest": {"Item": {"k": {"S": "other"}}}}]
        firsts = ["<html>", "[]", '{"Unprocessed', {"UnprocessedItems": {"t": other}}]
        for first in firsts:
            with self.subTest(first):
                self.check(lambda _, turn: (200, first if turn == 1 else FINE), written)
        reason = "HTTP 200: the body is not a JSON object"
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

                rejected = [{"index": 2, "kind": "item", "path": "", "reason": f"{code}: m"}]
                expected = {"written": 3, "rejected": rejected, "pending": []}
                self.check(script, expected, retry=retry(max_attempts=1))

    def test_a_rejection_survives_an_outage(self):
        reason = "the key must be of the type S"
        rejected = [{"index": 0, "kind": "item", "path": "/k", "reason": reason}]
        why = {"upstream": "dynamodb:t", "reason": "HTTP 500: no reason given"}
        stopped = ("unavailable", why)
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
        reason = "table: /concurrency is 0; it must be 1 to 64"
        self.check(None, ("permanent-invalid", reason), concurrency=0)

    def test_a_missing_table_is_the_callers_to_fix(self):
        reason = "ResourceNotFoundException: m"
        self.check(
            lambda *_: error("ResourceNotFoundException"), ("permanent-invalid", reason)
        )

    def test_an_item_too_large_is_told_apart(self):
        words = {"__type": "x#ValidationException",
                 "message": "Item size has exceeded the maximum allowed size"}

        def script(body, _turn):
            return (400, words) if '"2"' in json.dumps(body) else (200, FINE)

        found = pipeline.call(
            "load", "load", json.dumps(TABLE), ['{"k":"1"}', '{"k":"2"}'], None, script=script
        )
        self.assertEqual(found["written"], 1)
        self.assertEqual([one["kind"] for one in found["rejected"]], ["too-large"])

    def test_writes_keep_the_hosts_pace(self):
        many = [json.dumps({"k": str(number)}) for number in range(50)]
        left = {"UnprocessedItems": {"t": [{"PutRequest": {"Item": {"k": {"S": "0"}}}}]}}
        found = pipeline.call(
            "load", "load", json.dumps(TABLE), many, None,
            script=lambda _, turn: (200, left if turn == 1 else FINE),
            # The second batch has to wait once.
            pace=lambda _, turn: 1 if turn == 2 else 0,
        )
        self.assertEqual(found["written"], 50)
        reserved = [("dynamodb:t", units) for units in (25, 25, 1, 25)]
        self.assertEqual(pipeline.reserved, reserved)
        reported = [(accepted, refused) for _, accepted, refused, _ in pipeline.reported]
        self.assertEqual(reported, [(24, 1), (1, 0), (25, 0)])


class Query(unittest.TestCase):
    def test_a_cursor_of_others(self):
        query = json.dumps({"table": "t", "retry": retry()})
        for cursor in ("5", "x", "{}"):
            with self.subTest(cursor):
                found = pipeline.call("query", "query", query, cursor, None)
                self.assertEqual(
                    problem(found), ("permanent-invalid", "the cursor is none of ours")
                )

    def test_a_failure_has_the_counters_of_what_it_took(self):
        query = json.dumps({"table": "t", "retry": retry()})
        case, why = pipeline.call(
            "query", "query", query, None, None, script=lambda *_: (500, {})
        )
        self.assertEqual(case, "unavailable")
        expected = {"dynamodb.requests": 3, "dynamodb.retries": 2}
        self.assertEqual(why["counters"], expected)


class Extract(unittest.TestCase):
    def extract(self, script, rows=('{"c":"A"}', '{"c":"B"}'), pace=None, **changed):
        """What was answered, and when the source was asked."""
        with Source(script) as self.server:
            port = self.server.server_port
            source = json.dumps({**source_at(port), **changed})
            found = pipeline.call(
                "extract", "extract", source, list(rows), None, None, pace=pace
            )
            self.server.shutdown()
        times = self.server.times
        return found, [at - times[0] for at in times]

    def test_only_the_record_that_lacks_something_is_rejected(self):
        attributes = {"n": "{record:/NOTE}"}
        found, _ = self.extract(lambda *_: (200, CSV, {}), attributes=attributes)
        rejected = found["rejected-records"]
        places = [(one["request"]["row"], one["index"], one["path"]) for one in rejected]
        self.assertEqual(places, [(0, 1, "/NOTE"), (1, 1, "/NOTE")])
        self.assertEqual(len(found["documents"]), 2)

    def test_lists_are_in_the_order_of_the_requests(self):
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
                self.assertEqual([one["request"]["row"] for one in found[list_name]], [0, 1, 2])

    def test_no_row_and_no_address_ends_the_call(self):
        found, _ = self.extract(lambda *_: (200, CSV, {}), ['{"c":"\\ud800"}', '{"c":"B"}'])
        self.assertEqual((len(found["rejected"]), len(found["done"])), (1, 1))
        # Settings that can't work are the whole call's failure, and no trap.
        for url in ("http://[::1/{c}", "ftp://127.0.0.1/{c}", "http://{c}/"):
            (case, why), _ = self.extract(None, url=url)
            self.assertEqual(case, "permanent-invalid")
            self.assertIn("source: /url ", why["reason"])

    def test_a_pause_beyond_every_calendar(self):
        for after in ("9" * 30, "Fri, 31 Dec 9999 23:59:59 GMT"):
            (case, limit), _ = self.extract(lambda *_: (429, "", {"retry-after": after}))
            self.assertEqual((case, limit["retry-after-ms"]), ("rate-limited", 3_153_600_000_000))
            self.assertEqual(limit["upstream"], f"http://127.0.0.1:{self.server.server_port}")
            self.assertGreater(limit["counters"]["source.requests"], 0)

    def test_a_pause_that_is_prolonged_is_kept(self):
        second = threading.Event()
        wanted = []

        def script(turn, _path):
            # The second answer comes when the first request already waits.
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

    def test_attempts_that_run_out_while_others_succeed(self):
        def script(_turn, path):
            return (503, "", {}) if path == "/A" else (200, CSV, {})

        found, _ = self.extract(script)
        rejected = [(one["request"], one["kind"], one["status"]) for one in found["rejected"]]
        self.assertEqual(rejected, [(request(0), "exhausted", 503)])
        self.assertEqual((found["pending"], found["stopped"]), ([], None))
        self.assertEqual(found["counters"]["source.retries"], 2)

    def test_requests_keep_the_hosts_pace(self):
        def script(turn, _path):
            return (429, "", {"retry-after": "0"}) if turn == 1 else (200, CSV, {})

        # A turn that isn't given is asked for again.
        found, _ = self.extract(script, ['{"c":"A"}'], lambda units, turn: units * (turn == 1))
        self.assertEqual(len(found["done"]), 1)
        seen = [(accepted, refused) for _, accepted, refused, _ in pipeline.reported]
        self.assertEqual(seen, [(0, 1), (1, 0)])

    def test_a_pause_of_others_is_not_waited_out_here(self):
        # Nobody listens at that port.
        case, limit = pipeline.call(
            "extract", "extract", json.dumps(source_at(1)), ['{"c":"A"}'], None, None,
            pace=lambda *_: 3_600_000,
        )
        self.assertEqual((case, limit["retry-after-ms"]), ("rate-limited", 3_600_000))
        self.assertEqual(limit["counters"]["source.requests"], 0)

    def test_a_date_range_and_a_matrix(self):
        paths = []

        def script(_turn, path):
            paths.append(path)
            return 200, CSV, {}

        found, _ = self.extract(
            script, ['{"c":"A"}'], matrix={"frequency": ["D", "M"]}, concurrency=1,
            start_period="2026-01", end_period="2026-02",
        )
        self.assertEqual(len(found["done"]), 2)
        self.assertEqual(paths, ["/A?startPeriod=2026-01&endPeriod=2026-02"] * 2)


class Transfer(unittest.TestCase):
    ROWS = ('{"c":"A"}', '{"c":"B"}')
    KEYS = {"partition": {"name": "KEY", "type": "S"}, "sort": {"name": "c", "type": "S"}}

    def transfer(self, answer, script, remaining=None, **changed):
        with Source(answer) as server:
            source = {**source_at(server.server_port), "attributes": {"c": "{c}"}, **changed}
            found = pipeline.call(
                "transfer", "transfer", json.dumps(source),
                json.dumps({**TABLE, "keys": self.KEYS}), list(self.ROWS), remaining, None,
                script=script,
            )
            server.shutdown()
        return found

    def balances(self, found, requests):
        left = found["remaining"] or {"requests": [], "documents": []}
        settled = found["done"] + len(found["rejected"]) + len(left["requests"])
        self.assertEqual(settled, requests)
        settled = found["written"] + found["unchanged"] + found["superseded"]
        settled += len(found["rejected-documents"]) + len(left["documents"])
        self.assertEqual(settled, found["documents"])

    def test_everything_is_written_in_one_call(self):
        found = self.transfer(lambda *_: (200, CSV, {}), lambda *_: (200, FINE))
        self.balances(found, 2)
        self.assertEqual((found["done"], found["written"], found["remaining"]), (2, 4, None))
        self.assertEqual(found["stopped"], None)
        self.assertEqual(found["counters"]["source.requests"], 2)
        self.assertEqual(found["counters"]["dynamodb.requests"], 1)

    def test_what_remains_is_passed_back(self):
        def half(_turn, path):
            return (429, "", {"retry-after": "60"}) if path == "/B" else (200, CSV, {})

        found = self.transfer(half, lambda *_: (500, {}), concurrency=1)
        self.balances(found, 2)
        remaining = found["remaining"]
        requests = [one["request"] for one in remaining["requests"]]
        self.assertEqual((requests, found["done"], found["written"]), ([request(1)], 1, 0))
        self.assertEqual([one["request"] for one in remaining["documents"]], [request(0)] * 2)
        # The longer wait is the one that matters.
        self.assertEqual(found["stopped"][0], "rate-limited")
        back = record(
            requests=[record(request=record(**request(1)), resume=None)],
            documents=[
                record(request=record(**request(0)), document=one["document"])
                for one in remaining["documents"]
            ],
        )
        # The source is gone: what was extracted is written all the same.
        found = self.transfer(lambda *_: (503, "", {}), lambda *_: (200, FINE), back)
        self.balances(found, 1)
        self.assertEqual((found["written"], found["stopped"][0]), (2, "unavailable"))
        self.assertEqual(found["remaining"]["documents"], [])
        found = self.transfer(lambda *_: (200, CSV, {}), lambda *_: (200, FINE), back)
        self.balances(found, 1)
        self.assertEqual((found["written"], found["remaining"]), (4, None))

    def test_a_rejected_document_says_whose_it_is(self):
        def script(body, _turn):
            return error("ValidationException") if '"B"' in json.dumps(body) else (200, FINE)

        found = self.transfer(lambda *_: (200, CSV, {}), script)
        self.balances(found, 2)
        rejected = [(one["request"], one["kind"]) for one in found["rejected-documents"]]
        self.assertEqual(rejected, [(request(1), "item")] * 2)
        self.assertEqual(json.loads(found["rejected-documents"][0]["document"])["c"], "B")

    def test_nothing_achieved_is_a_failure_with_both_counters(self):
        case, why = self.transfer(lambda *_: (503, "", {}), None)
        self.assertEqual(case, "unavailable")
        self.assertEqual(why["counters"]["source.requests"], 6)


if __name__ == "__main__":
    unittest.main()
