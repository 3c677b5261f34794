"""Coroutines → run side by side over `wasi:io/poll`. A GET request → its whole
answer over `wasi:http`, or the exception that says why there is none."""

from collections.abc import Coroutine, Generator, Iterable
from dataclasses import dataclass
from typing import Never
from urllib.parse import urlsplit

from componentize_py_types import Err, Ok
from wit_world.imports import monotonic_clock, outgoing_handler, poll
from wit_world.imports import wasi_http_types as http
from wit_world.imports.poll import Pollable
from wit_world.imports.random import get_random_u64
from wit_world.imports.rowcast_pipeline_types import RejectionKind
from wit_world.imports.streams import InputStream, StreamError_Closed

READ_BYTES = 64 * 1024
NANOSECONDS = 1_000_000  # in a millisecond


class Unanswered(Exception):
    """No complete answer. Without a kind, the same request may succeed later."""

    def __init__(self, reason: str, kind: RejectionKind | None = None) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Wait:
    """`await Wait(pollable, until)` goes on when the pollable is ready, or
    raises Unanswered at that time."""

    pollable: Pollable
    until_ms: int

    def __await__(self) -> Generator["Wait"]:
        yield self


type Job = Coroutine[Wait, None, None]


def now_ms() -> int:
    return monotonic_clock.now() // NANOSECONDS


async def sleep(milliseconds: int) -> None:
    with monotonic_clock.subscribe_duration(milliseconds * NANOSECONDS) as timer:
        # Well after its own time, as being late isn't meant to be an error here.
        await Wait(timer, now_ms() + milliseconds + 60_000)


def jitter(attempt: int, base_ms: int, most_ms: int) -> int:
    """Full jitter: anything up to the base, doubled for each attempt. Drawn by
    the host: Python's own generator was seeded when this was built."""
    return get_random_u64() % (min(base_ms << attempt, most_ms) + 1)


def run_all(jobs: Iterable[Job], at_once: int) -> None:
    """Runs all of them to their ends, so many at once."""
    waiting: list[tuple[Job, Wait]] = []

    def go_on(job: Job, error: Exception | None = None) -> None:
        try:
            wait = job.send(None) if error is None else job.throw(error)
        except StopIteration:
            return
        waiting.append((job, wait))

    queue = iter(jobs)
    while True:
        while len(waiting) < at_once and (job := next(queue, None)) is not None:
            go_on(job)
        if not waiting:
            return
        soonest = min(wait.until_ms for _, wait in waiting)
        with monotonic_clock.subscribe_instant(soonest * NANOSECONDS) as timer:
            ready = set(poll.poll([wait.pollable for _, wait in waiting] + [timer]))
        now = now_ms()
        for index, (job, wait) in enumerate([waiting.pop(0) for _ in range(len(waiting))]):
            if index in ready:
                go_on(job)
            elif wait.until_ms <= now:
                go_on(job, Unanswered("no complete answer in time"))
            else:
                waiting.append((job, wait))


# A resource must be dropped before the one it came from, which is why every
# one of them has its `with`.
async def get(url: str, headers: list[tuple[str, str]], until_ms: int, most_bytes: int) -> Answer:
    request = _request(url, headers)
    try:
        pending = outgoing_handler.handle(request, None)
    except Err as error:
        _explain(error.value)
    with pending as future:
        with future.subscribe() as pollable:
            await Wait(pollable, until_ms)
        match future.get():
            case Ok(Ok(response)):
                pass
            case Ok(Err(code)):
                _explain(code)
            case _:
                raise Unanswered("there is no answer")
        with response:
            status = response.status()
            with response.headers() as fields:
                found = {name.lower(): value.decode("latin-1") for name, value in fields.entries()}
            with response.consume() as body, body.stream() as stream:
                return Answer(status, found, await _read(stream, until_ms, most_bytes))


def _request(url: str, headers: list[tuple[str, str]]) -> http.OutgoingRequest:
    schemes: dict[str, http.Scheme] = {"https": http.Scheme_Https(), "http": http.Scheme_Http()}
    try:
        parts = urlsplit(url)
        if parts.scheme not in schemes:
            raise ValueError("it is neither http nor https")
        fields = http.Fields.from_list([(name, value.encode()) for name, value in headers])
        request = http.OutgoingRequest(fields)
        request.set_scheme(schemes[parts.scheme])
        request.set_authority(parts.netloc)
        request.set_path_with_query(f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}")
    except (Err, ValueError) as error:
        why = error.value if isinstance(error, Err) else error
        reason = f"the request can't be made: {why}"
        raise Unanswered(reason, RejectionKind.TEMPLATE) from None
    return request


async def _read(stream: InputStream, until_ms: int, most_bytes: int) -> bytes:
    body = bytearray()
    while True:
        with stream.subscribe() as pollable:
            await Wait(pollable, until_ms)
        try:
            body += stream.read(READ_BYTES)
        except Err as error:
            if isinstance(error.value, StreamError_Closed):
                return bytes(body)
            raise Unanswered("the body was cut short") from None
        if len(body) > most_bytes:
            reason = f"the body is longer than {most_bytes} bytes"
            raise Unanswered(reason, RejectionKind.BODY)


def _explain(code: http.ErrorCode) -> Never:
    name = type(code).__name__.removeprefix("ErrorCode_")
    match code:
        case http.ErrorCode_HttpRequestDenied() | http.ErrorCode_DestinationIpProhibited():
            raise Unanswered("the host doesn't let this request out", RejectionKind.POLICY)
        case http.ErrorCode_HttpRequestUriInvalid():
            raise Unanswered("the URL isn't one", RejectionKind.TEMPLATE)
        case http.ErrorCode_HttpResponseBodySize():
            raise Unanswered("the body is longer than the host allows", RejectionKind.BODY)
        case http.ErrorCode_InternalError(str(reason)):
            raise Unanswered(reason)
        case _:
            raise Unanswered(name)
