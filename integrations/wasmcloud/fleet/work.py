"""Chunks of rows and hosts → every document written, whichever host dies.

A chunk is one call to `/transfer`, and further ones while something remains. Any
of them may be repeated: extracting reads, and writing the same documents twice
leaves the table as writing them once. So a call whose host is gone is sent again,
to another host.
"""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .cluster import Host

# Far above what any call takes; a host that is silent for longer counts as gone.
CALL_SECONDS = 60.0
# How often a host that is gone is tried again.
PROBE_SECONDS = 0.5
# Without an answer from any host for so long, a run gives up. Calls may be on
# their way for as long as `CALL_SECONDS`.
SILENCE_SECONDS = 90.0
# Calls that may be repeated for one chunk before the run gives up.
REPEATS = 100
UNREACHABLE = (OSError, http.client.HTTPException)


class Refused(Exception):
    """An answer that repeating can't help."""


class Unfinished(Exception):
    """Nobody is left to send calls to."""


class Unanswered(Exception):
    """The host didn't answer the call to that path; another may."""


@dataclass
class Chunk:
    """Rows on their way."""

    number: int
    rows: Sequence[Mapping[str, Any]]
    # What the last call left: requests to make, documents to write. None before
    # the first, where everything has to be done.
    remaining: Mapping[str, Any] | None = None
    repeats: int = 0


@dataclass
class Tally:
    """What a run did. Written under the run's lock."""

    documents: int = 0
    # What the calls took, by the counters' names, such as `source.requests`.
    counters: Counter[str] = field(default_factory=Counter)
    # Calls answered, by host, and calls that nobody answered, by path.
    calls: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    # Calls that were answered with "later".
    postponed: int = 0
    transfer_seconds: list[float] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Job:
    """What is to be done with every chunk."""

    source: Mapping[str, Any]
    table: Mapping[str, Any]


def pause(stopped: Any) -> float:
    """Why a call stopped early → how long to wait before the next."""
    match stopped:
        case {"rate_limited": {"retry_after_ms": milliseconds}}:
            return float(milliseconds) / 1000
        case {"denied": {"upstream": upstream, "reason": reason}}:
            raise Refused(f"{upstream} refuses these credentials or this use: {reason}")
        case {"invalid": {"upstream": upstream, "reason": reason}}:
            raise Refused(f"{upstream}: the settings or the input are wrong: {reason}")
        case {"unavailable": _}:
            return PROBE_SECONDS
        case _:
            # The budget ran out, which asks for nothing.
            return 0.0


class Run:
    """Hosts that take chunks from one queue, each with so many calls in flight.

    That is what a load balancer with a limit of connections per host does: the
    host that answers sooner gets more."""

    def __init__(self, job: Job, chunks: Sequence[Chunk], in_flight: int) -> None:
        self.tally = Tally()
        self._job = job
        self._in_flight = in_flight
        self._left = len(chunks)
        self._total = len(chunks)
        self._queue: queue.SimpleQueue[Chunk] = queue.SimpleQueue()
        for chunk in chunks:
            self._queue.put(chunk)
        self._lock = threading.Lock()
        self._over = threading.Event()
        if not chunks:
            self._over.set()
        self._failure: Exception | None = None
        self._answered = time.monotonic()
        # An upstream asked for a pause until then; it holds for every host.
        self._quiet_until = 0.0

    def execute(self, hosts: Sequence[Host], at_half: Callable[[], None] | None = None) -> Tally:
        """Returns when every chunk is done; calls `at_half` when half are."""
        self._at_half = at_half
        started = time.monotonic()
        workers = [
            threading.Thread(target=self._work, args=(host,), daemon=True)
            for host in hosts
            for _ in range(self._in_flight)
        ]
        for worker in workers:
            worker.start()
        self._over.wait()
        self.tally.seconds = time.monotonic() - started
        for worker in workers:
            worker.join()
        if self._failure is not None:
            raise self._failure
        return self.tally

    def _work(self, host: Host) -> None:
        connection = http.client.HTTPConnection(host.address, timeout=CALL_SECONDS)
        try:
            while not self._over.is_set():
                if self._over.wait(max(0.0, self._quiet_until - time.monotonic())):
                    break
                try:
                    chunk = self._queue.get(timeout=PROBE_SECONDS)
                except queue.Empty:
                    continue
                try:
                    self._finish(host, connection, chunk)
                except Unanswered as call:
                    connection.close()
                    self._again(str(call), chunk)
                    self._wait_for(host, connection)
        except Exception as failure:
            with self._lock:
                # What others fail of afterwards isn't the cause.
                self._failure = self._failure or failure
            self._over.set()
        finally:
            connection.close()

    def _finish(self, host: Host, connection: http.client.HTTPConnection, chunk: Chunk) -> None:
        while not self._transfer(host, connection, chunk):
            if self._over.is_set():
                return
        with self._lock:
            self._left -= 1
            done = self._total - self._left
            half = self._at_half if done * 2 >= self._total else None
            if half is not None:
                self._at_half = None
            if self._left == 0:
                self._over.set()
        if half is not None:
            half()

    def _transfer(self, host: Host, connection: http.client.HTTPConnection, chunk: Chunk) -> bool:
        """One call; true once nothing of the chunk remains."""
        call = {
            "source": self._job.source,
            "table": self._job.table,
            "rows": chunk.rows,
            "remaining": chunk.remaining,
        }
        answer, seconds = self._call(host, connection, "/transfer", call)
        if answer is None:
            self._postpone(chunk, seconds)
            return False
        for part in ("rejected", "rejected_records", "rejected_documents"):
            if answer[part]:
                raise Refused(f"chunk {chunk.number}: {part}: {answer[part][0]['reason']}")
        if answer["superseded"]:
            count = answer["superseded"]
            raise Refused(f"chunk {chunk.number}: {count} documents have another's key")
        chunk.remaining = answer["remaining"]
        with self._lock:
            self.tally.documents += answer["written"] + answer["unchanged"]
            for counter in answer["counters"]:
                self.tally.counters[counter["name"]] += counter["value"]
            self.tally.transfer_seconds.append(seconds)
        if chunk.remaining is None:
            return True
        self._postpone(chunk, pause(answer["stopped"]))
        return False

    def _call(
        self,
        host: Host,
        connection: http.client.HTTPConnection,
        path: str,
        body: Mapping[str, Any],
    ) -> tuple[Any, float]:
        """The answer and how long it took; or none, to ask again after so long."""
        text = json.dumps({name: value for name, value in body.items() if value is not None})
        started = time.monotonic()
        try:
            connection.request("POST", path, text, {"content-type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
        except UNREACHABLE as error:
            raise Unanswered(path) from error
        with self._lock:
            self.tally.calls[host.name] += 1
            self._answered = time.monotonic()
        if response.status == 200:
            return json.loads(answer), time.monotonic() - started
        if response.status in (429, 502, 503, 504):
            # Seconds; the service never writes a date.
            return None, float(response.headers.get("retry-after", PROBE_SECONDS))
        raise Refused(f"{host.name} answered {response.status} to {path}: {answer[:500]!r}")

    def _postpone(self, chunk: Chunk, seconds: float) -> None:
        with self._lock:
            self.tally.postponed += 1
            self._quiet_until = max(self._quiet_until, time.monotonic() + seconds)
        self._count(chunk)
        self._over.wait(seconds)

    def _again(self, path: str, chunk: Chunk) -> None:
        with self._lock:
            self.tally.unanswered[path] += 1
        self._count(chunk)
        self._queue.put(chunk)

    def _count(self, chunk: Chunk) -> None:
        chunk.repeats += 1
        if chunk.repeats > REPEATS:
            raise Refused(f"chunk {chunk.number} was repeated {REPEATS} times in vain")

    def _wait_for(self, host: Host, connection: http.client.HTTPConnection) -> None:
        """Until the host is well again, or nothing is left to do."""
        while not self._over.wait(PROBE_SECONDS):
            # While an upstream wants a pause, no host is expected to answer.
            heard = max(self._answered, self._quiet_until)
            if time.monotonic() - heard > SILENCE_SECONDS:
                raise Unfinished(f"no host has answered for {SILENCE_SECONDS:.0f} s")
            try:
                connection.request("GET", "/health")
                response = connection.getresponse()
                response.read()
                if response.status == 200:
                    return
            except UNREACHABLE:
                pass
            connection.close()
