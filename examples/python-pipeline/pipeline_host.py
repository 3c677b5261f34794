"""A pipeline's file → its calls in wasmtime-py, with a DynamoDB that answers by
script; and a source that does. What the tests need of a host."""

import functools
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Linker, Record, Variant

CALL_SECONDS = 10


def record(**members):
    made = Record()
    for name, value in members.items():
        setattr(made, name.replace("_", "-"), value)
    return made


def plain(value):
    """Records become dictionaries, variants pairs; counters become one dictionary."""
    match value:
        case Record():
            found = {name: plain(member) for name, member in vars(value).items()}
            if "counters" in found:
                found["counters"] = {one["name"]: one["value"] for one in found["counters"]}
            return found
        case Variant():
            return value.tag, plain(value.payload)
        case list():
            return [plain(element) for element in value]
    return value


def retry(**changed):
    bounds = {"max_attempts": 3, "base_delay_ms": 5, "max_delay_ms": 20, "max_retry_after_ms": 2000}
    return bounds | changed


def request(row):
    return {"row": row, "combination": 0}


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
            with root.add_instance("rowcast:pipeline/dynamodb@0.2.0") as dynamodb:
                dynamodb.add_func("send", self.send)
            with root.add_instance("rowcast:pipeline/pace@0.2.0") as pace:
                pace.add_func("reserve", self.reserve)
                pace.add_func("report", self.report)
            with root.add_instance("rowcast:pipeline/admission@0.2.0") as admission:
                admission.add_func("wanted", lambda _store: None)
                admission.add_func("admit", lambda _store, some: ["write"] * len(some))
                admission.add_func("settle", lambda _store, _outcomes: None)
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
        body = said if isinstance(said, str) else json.dumps(said)
        return record(**{"status": status, "body": body, "retry-after-ms": None})

    def reserve(self, _store, upstream, units):
        if self.pace is None:
            # wasmtime-py tells the cases by their types.
            return None
        self.reserved.append((upstream, units))
        return self.pace(units, len(self.reserved))

    def report(self, _store, upstream, seen):
        self.reported.append((upstream, seen.accepted, seen.refused, getattr(seen, "pause-ms")))

    def call(self, interface, function, *arguments, script=None, pace=None):
        """`pace` answers how long to wait; none: the host doesn't manage any."""
        self.asked, self.script = [], script
        self.pace, self.reserved, self.reported = pace, [], []
        with Store(self.engine) as store:
            store.set_wasi(WasiConfig())
            store.set_wasi_http()
            store.set_epoch_deadline(CALL_SECONDS * 10)
            instance = self.linker.instantiate(store, self.component)
            within = instance.get_export_index(store, f"rowcast:pipeline/{interface}@0.2.0")
            index = instance.get_export_index(store, function, within)
            return plain(instance.get_func(store, index)(store, *arguments))


@functools.cache
def opened():
    """The file that is tested: it takes seconds to compile."""
    return Pipeline(os.environ["PIPELINE"])


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


def source_at(port):
    """As the command writes it."""
    return {
        "url": f"http://127.0.0.1:{port}/{{c}}", "headers": {}, "matrix": {},
        "records": "", "attributes": {}, "require": [], "auth": {"type": "none"},
        "pagination": {"type": "none"}, "max_pages": 1, "concurrency": 4, "retry": retry(),
        "request_timeout_ms": 3000, "max_body_bytes": 100_000,
    }
