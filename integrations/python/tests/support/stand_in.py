"""A script of faults → a source over HTTP on 127.0.0.1, in a thread of this process.

`GET /artists/{id}/tracks?country={country}` answers that artist's tracks. What is
in `faults` for an id is answered first, one after the other.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

HELD_SECONDS = 60
"""A gate that nobody opens holds answers no longer."""

TRACKS = 3
"""Tracks of each artist in each country."""

DIGITS = '"popularity":91,"length":201.50,"plays":12345678901234567890123'

QUICK = {"max_attempts": 3, "base_delay_ms": 1, "max_delay_ms": 5, "max_retry_after_ms": 50}


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer other than the tracks."""

    status: int = 200
    body: str = "{}"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """The connection is closed before the body's end."""


@dataclass(slots=True)
class StandIn:
    """A running source."""

    origin: str
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    """How often each `id/country` was asked for."""
    headers: list[dict[str, str]] = field(default_factory=list)
    times: dict[str, list[float]] = field(default_factory=dict)
    """When."""
    delays: dict[str, float] = field(default_factory=dict)
    """How long answers take, by the beginning of the id."""
    gates: dict[str, tuple[int, threading.Event]] = field(default_factory=dict)
    """After so many answers the others wait for that, by the beginning of the id."""
    tracks: int = TRACKS
    lock: threading.Lock = field(default_factory=threading.Lock)

    def source(self, **changed: Any) -> dict[str, Any]:
        """How to read it."""
        settings: dict[str, Any] = {
            "url": self.origin + "/artists/{id}/tracks?country={country}",
            "matrix": {"country": ["US", "CA"]},
            "records": "/tracks",
            "attributes": {
                "artist_id": "{id}",
                "country": "{country}",
                "country_track": "{country}#{record:/id}",
            },
            "require": ["/popularity"],
            "retry": QUICK,
        }
        return settings | changed

    def answer(self, path: str, headers: dict[str, str]) -> Fault:
        """What is sent back."""
        parts = urlsplit(path)
        artist = parts.path.split("/")[2]
        country = parse_qs(parts.query).get("country", [""])[0]
        with self.lock:
            self.requests[f"{artist}/{country}"] += 1
            self.times.setdefault(f"{artist}/{country}", []).append(time.monotonic())
            self.headers.append(headers)
            script = self.faults.get(artist)
            if script:
                return script.pop(0)
        records = ",".join(f'{{"id":"{artist}-{index}",{DIGITS}}}' for index in range(self.tracks))
        return Fault(body=f'{{"tracks":[{records}]}}')

    def hold(self, path: str) -> None:
        """Takes as long as the answer does."""
        artist = path.split("/")[2]
        time.sleep(sum(held for name, held in self.delays.items() if artist.startswith(name)))
        for name, (free, gate) in self.gates.items():
            with self.lock:
                asked = sum(n for place, n in self.requests.items() if place.startswith(name))
            if artist.startswith(name) and asked > free:
                gate.wait(HELD_SECONDS)


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """A source that ends with the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.stand_in = StandIn(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.stand_in
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    # Every request of wasmtime's is a connection; where the queue is full, the
    # next one waits a second before it tries again.
    request_queue_size = 256
    daemon_threads = True
    stand_in: StandIn


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        stand_in = self.server.stand_in
        answer = stand_in.answer(self.path, {k.lower(): v for k, v in self.headers.items()})
        stand_in.hold(self.path)
        self._send(answer)

    def do_POST(self) -> None:
        """The token endpoint: the client `app` with the secret `s3cret`."""
        self.rfile.read(int(self.headers.get("content-length", "0")))
        expected = "Basic " + base64.b64encode(b"app:s3cret").decode()
        if self.headers.get("authorization") == expected:
            token = {"access_token": "t0ken", "token_type": "Bearer", "expires_in": 3600}
            self._send(Fault(body=json.dumps(token)))
        else:
            self._send(Fault(status=401, body='{"error":"invalid_client"}'))

    def _send(self, answer: Fault) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body) + answer.cut))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.close_connection or answer.cut

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Nothing: a test that fails says what was asked."""
