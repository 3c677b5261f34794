"""Calls of a chunk's transfer, against a pipeline that answers by script."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from rowcast import (
    Failure,
    PendingDocument,
    PendingRequest,
    PermanentDenied,
    PermanentInvalid,
    RateLimited,
    RefusedDocument,
    RejectedRecord,
    RejectedRequest,
    Remaining,
    Request,
    Settings,
    StoppedByBudget,
    StoppedByDenial,
    StoppedByInvalid,
    StoppedByOutage,
    StoppedByRateLimit,
    Transfer,
    TransferReport,
    Unavailable,
    UnbalancedError,
)
from rowcast.settings import combinations
from rowcast.transfer import _ranges

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCE = {"url": "https://a/{id}/{c}", "matrix": {"c": ["x", "y"]}}
TABLE = {"name": "t"}
ROWS = [{"id": 0}, {"id": 1}]
REQUESTS = [Request(0, 0), Request(0, 1), Request(1, 0), Request(1, 1)]
LIMIT = StoppedByRateLimit(retry_after_ms=9000, upstream="https://a", reason="slow down")

NOTHING = TransferReport(
    done=0,
    documents=0,
    written=0,
    unchanged=0,
    superseded=0,
    rejected=[],
    rejected_records=[],
    rejected_documents=[],
    remaining=None,
    stopped=None,
    counters={},
)


def report(done: int, documents: int, **more: Any) -> TransferReport:
    """All written, unless something else is said."""
    counters = {"source.requests": float(done), "dynamodb.requests": 1.0}
    held: dict[str, Any] = {"done": done, "documents": documents, "written": documents}
    return replace(NOTHING, **(held | {"counters": counters} | more))


def left(requests: Iterable[Request], documents: Iterable[Request] = ()) -> Remaining:
    return Remaining(
        requests=tuple(PendingRequest(one) for one in requests),
        documents=tuple(PendingDocument(one, "{}") for one in documents),
    )


@dataclass
class Script:
    """Answers one after the other, and what was asked."""

    answers: list[TransferReport | Failure]
    asked: list[Remaining] = field(default_factory=list)

    def combinations(self, source: Any) -> int:
        return combinations(Settings.of(source), {})

    def transfer(
        self, _source: Any, _table: Any, _rows: list[str], given: Remaining, *, budget_ms: Any
    ) -> TransferReport:
        assert budget_ms == 100
        self.asked.append(given)
        answer = self.answers.pop(0)
        if isinstance(answer, Failure):
            raise answer
        return answer


def transfer(*answers: TransferReport | Failure) -> tuple[Transfer, Script]:
    script = Script(list(answers))
    pipeline: Any = script
    return Transfer.of(pipeline, SOURCE, TABLE, ROWS, budget_ms=100), script


def refused(request: Request) -> RefusedDocument:
    return RefusedDocument(
        request=request, kind="item", path="/k", reason="empty key", document="{}"
    )


def test_one_call() -> None:
    rejected = RejectedRequest(request=REQUESTS[3], kind="status", status=404, reason="not found")
    record = RejectedRecord(
        request=REQUESTS[0], index=2, kind="required", path="/p", reason="missing"
    )
    one, script = transfer(
        report(
            3,
            7,
            written=4,
            unchanged=1,
            superseded=1,
            rejected=[rejected],
            rejected_records=[record],
            rejected_documents=[refused(REQUESTS[2])],
            counters={
                "source.requests": 5.0,
                "source.retries": 1.0,
                "dynamodb.requests": 2.0,
                "dynamodb.retries": 1.0,
                "dynamodb.write-capacity": 4.5,
                "of.tomorrow": 1.0,
            },
        )
    )
    tally = one.run()
    assert (tally.rows, tally.planned, tally.done, tally.rejected, tally.pending) == (2, 4, 3, 1, 0)
    assert (tally.records, tally.rejected_records, tally.documents) == (8, 1, 7)
    assert (tally.written, tally.superseded, tally.rejected_documents) == (4, 1, 1)
    assert tally.unchanged == 1
    assert (tally.requests, tally.retries, tally.writes, tally.capacity) == (5, 2, 2, 4.5)
    assert [reason.rpartition(": ")[2] for reason in one.progress.reasons] == [
        "not found",
        "missing",
        "empty key",
    ]
    assert script.asked == [left(REQUESTS)]


def test_the_budget_ends_a_call_only() -> None:
    one, script = transfer(
        report(1, 2, remaining=left(REQUESTS[1:]), stopped=StoppedByBudget()),
        report(3, 6),
    )
    assert one.run().written == 8
    assert script.asked == [left(REQUESTS), left(REQUESTS[1:])]


def test_unwritten_documents_are_passed_back() -> None:
    # One document of the second request isn't written.
    unwritten = left([], [REQUESTS[1]])
    one, script = transfer(
        report(4, 8, written=7, remaining=unwritten, stopped=StoppedByBudget()),
        report(0, 1),
    )
    tally = one.run()
    assert script.asked == [left(REQUESTS), unwritten]
    assert (tally.documents, tally.written, tally.done) == (8, 8, 4)
    assert (tally.requests, tally.pending_documents) == (4, 0)


@pytest.mark.parametrize(
    ("stop", "raised"),
    [
        (LIMIT, RateLimited),
        (StoppedByDenial(upstream="https://a", reason="no"), PermanentDenied),
        (StoppedByOutage(upstream="https://a", reason="down"), Unavailable),
        (StoppedByInvalid(upstream="dynamodb:t", reason="no such table"), PermanentInvalid),
    ],
)
def test_what_is_finished_is_kept(stop: Any, raised: type[Exception]) -> None:
    begun = PendingRequest(REQUESTS[2], "page 2")
    remaining = Remaining(
        requests=(begun, PendingRequest(REQUESTS[3])),
        documents=(PendingDocument(REQUESTS[0], '{"n":1.50}'),),
    )
    one, _ = transfer(report(2, 4, written=3, remaining=remaining, stopped=stop))
    kept: list[str] = []
    with pytest.raises(raised, match=stop.reason) as caught:
        one.run(lambda transfer: kept.append(json.dumps(transfer.state())))
    assert stop.upstream in str(caught.value)
    assert json.loads(kept[0])["pending"] == [[3, 4]]
    # Another process, later.
    again, script = transfer(report(2, 5))
    assert again.resume(json.loads(kept[0]))
    tally = again.run()
    assert script.asked == [remaining]
    assert (tally.done, tally.written, tally.requests) == (4, 8, 4)


def test_a_rate_limit_is_waited_out() -> None:
    one, script = transfer(
        report(2, 4, remaining=left(REQUESTS[2:]), stopped=LIMIT),
        RateLimited("slow down", 1500),
        report(2, 4),
    )
    waits: list[float] = []
    assert one.run(wait=waits.append).written == 8
    assert waits == [9, 1.5]
    assert script.asked == [left(REQUESTS), left(REQUESTS[2:]), left(REQUESTS[2:])]


GONE = RejectedRequest(request=REQUESTS[0], kind="status", status=404, reason="gone")


def test_what_is_rejected_is_not_asked_for_again() -> None:
    remaining = left(REQUESTS[2:], [REQUESTS[1]])
    one, script = transfer(
        report(1, 1, written=0, rejected=[GONE], remaining=remaining, stopped=LIMIT),
        report(2, 5),
    )
    kept: list[dict[str, Any]] = []
    with pytest.raises(RateLimited, match="slow down"):
        one.run(lambda transfer: kept.append(transfer.state()))
    assert kept[0]["pending"] == [[2, 4]]
    assert (kept[0]["tally"]["rejected"], kept[0]["tally"]["requests"]) == (1, 1)
    assert one.run().rejected == 1
    assert script.asked[1] == remaining
    assert one.progress.reasons == (f"{REQUESTS[0]}: gone",)


def test_a_failed_call_counts_what_it_took() -> None:
    one, script = transfer(Unavailable("down", {"source.requests": 3.0}), report(4, 8))
    kept: list[dict[str, Any]] = []
    with pytest.raises(Unavailable, match="down"):
        one.run(lambda transfer: kept.append(transfer.state()))
    assert (kept[0]["pending"], kept[0]["tally"]["requests"]) == ([[0, 4]], 3)
    assert one.run().requests == 7
    assert script.asked == [left(REQUESTS)] * 2


def test_reasons_are_given_once() -> None:
    one, _ = transfer(
        # Of the first request one document is refused, and the other has to wait.
        report(
            4,
            8,
            written=6,
            rejected_documents=[refused(REQUESTS[0])],
            remaining=left([], REQUESTS[:1]),
            stopped=StoppedByBudget(),
        ),
        report(0, 1),
    )
    assert one.run().rejected_documents == 1
    assert one.progress.reasons == (f"{REQUESTS[0]}, document /k: empty key",)


def test_an_empty_axis_is_no_plan() -> None:
    pipeline: Any = Script([])
    with pytest.raises(PermanentInvalid, match="an axis of the matrix has no values"):
        Transfer.of(pipeline, SOURCE | {"matrix": {"c": []}}, TABLE, ROWS)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({}, 1),
        ({"matrix": {"a": ["x", "y"], "b": ["x", "y", "z"]}}, 6),
        ({"preset": "two"}, 2),
        ({"preset": "two", "matrix": {"c": ["x"]}}, 1),
        # The component says what is wrong with these.
        ({"preset": "other"}, 1),
        ({"preset": ["two"]}, 1),
        ({"matrix": {"c": "xy"}}, 1),
        ({"matrix": ["c"]}, 1),
    ],
)
def test_combinations(source: dict[str, Any], expected: int) -> None:
    presets = {"two": Settings.of(SOURCE)}
    assert combinations(Settings.of(source), presets) == expected


def test_another_plan_is_not_gone_on_with() -> None:
    one, _ = transfer()
    kept = one.state()
    pipeline: Any = Script([])
    paged = SOURCE | {"pagination": {"type": "link-header"}}
    others = [
        Transfer.of(pipeline, SOURCE, TABLE, [{"id": 0}, {"id": 2}]),
        Transfer.of(pipeline, SOURCE, {"name": "u"}, ROWS),
        Transfer.of(pipeline, SOURCE | {"url": "https://b"}, TABLE, ROWS),
        Transfer.of(pipeline, paged, TABLE, ROWS),
    ]
    assert not any(other.resume(kept) for other in others)
    assert not one.resume(None)
    assert one.resume(kept)
    # How fast, and with which credentials, is no other plan.
    auth = {"type": "bearer", "token": "t"}
    source = Settings.of(SOURCE | {"concurrency": 1, "headers": {"x": "y"}}).with_auth(auth)
    assert Transfer.of(pipeline, source, TABLE | {"concurrency": 2}, ROWS).resume(kept)


def test_no_progress_is_an_end() -> None:
    stuck = replace(NOTHING, remaining=left(REQUESTS), stopped=StoppedByBudget())
    one, script = transfer(*[stuck] * 9)
    with pytest.raises(Unavailable, match="4 requests stay unfinished"):
        one.run()
    assert len(script.asked) == 3


def test_a_page_further_is_progress() -> None:
    def at(page: int) -> TransferReport:
        paged = Remaining(requests=(PendingRequest(REQUESTS[0], f"page {page}"),))
        return replace(NOTHING, remaining=paged, stopped=StoppedByBudget())

    first = replace(at(0), done=3, documents=6, written=6)
    one, script = transfer(first, *map(at, range(1, 9)), report(1, 2))
    assert one.run().written == 8
    assert len(script.asked) == 10


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (report(3, 6), "other requests than it was given: 4, accounted for 3"),
        (report(5, 10), "other requests than it was given: 4, accounted for 5"),
        (report(3, 6, remaining=left([Request(2)])), "other requests than it was given"),
        (report(2, 6, remaining=left(REQUESTS[:1] * 2)), "other requests than it was given"),
        (report(3, 6, rejected=[GONE], remaining=left(REQUESTS[:1])), "accounted for 5"),
        (report(2, 6, rejected=[GONE], remaining=left(REQUESTS[:1])), "other requests"),
        (report(4, 8, written=7), "documents 8, accounted for 7"),
        (report(4, 7, written=8), "documents 7, accounted for 8"),
    ],
)
def test_losses_are_seen(answer: TransferReport, message: str) -> None:
    one, _ = transfer(answer)
    with pytest.raises(UnbalancedError, match=message):
        one.run()


def test_a_lost_document_is_seen() -> None:
    unwritten = left([], REQUESTS[:2])
    one, _ = transfer(report(4, 8, written=6, remaining=unwritten), report(0, 1))
    with pytest.raises(UnbalancedError, match="documents 1, given 2"):
        one.run()


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([], []), ([0], [[0, 1]]), ([0, 1, 2, 5, 7, 8], [[0, 3], [5, 6], [7, 9]])],
)
def test_ranges(numbers: list[int], expected: list[list[int]]) -> None:
    assert _ranges(numbers) == expected
