"""Rounds of a chunk, against a pipeline that answers by script."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from rowcast import (
    Cell,
    DoneCell,
    ExecutionFailed,
    Extraction,
    Failure,
    LinkHeader,
    PermanentDenied,
    PermanentInvalid,
    RateLimited,
    RejectedCell,
    RejectedDocument,
    RejectedRecord,
    Report,
    Source,
    StoppedByBudget,
    StoppedByDenial,
    StoppedByOutage,
    StoppedByRateLimit,
    SupersededDocument,
    Table,
    Transfer,
    Unavailable,
    UnbalancedError,
)
from rowcast.transfer import _ranges

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCE = Source(url="https://a/{id}/{c}", matrix={"c": ["x", "y"]})
ROWS = [{"id": 0}, {"id": 1}]
CELLS = [Cell(0, 0), Cell(0, 1), Cell(1, 0), Cell(1, 1)]
LIMIT = StoppedByRateLimit(retry_after_ms=9000, reason="slow down")

NOTHING = Extraction(
    documents=[],
    done=[],
    rejected=[],
    rejected_records=[],
    pending=[],
    stopped=None,
    requests=0,
    retries=0,
    token_requests=0,
)


def extraction(done: Iterable[Cell], documents: int = 2, **more: Any) -> Extraction:
    cells = [DoneCell(cell=cell, documents=documents) for cell in done]
    texts = ["{}"] * (documents * len(cells))
    return replace(NOTHING, done=cells, documents=texts, requests=len(cells), **more)


def report(written: int, **more: Any) -> Report:
    empty: dict[str, Any] = {"superseded": [], "rejected": [], "pending": [], "stopped": None}
    return Report(written=written, capacity=1.0, requests=1, retries=0, **(empty | more))


@dataclass
class Script:
    """Answers one after the other, and what was asked."""

    answers: list[Extraction | Report | Failure]
    asked: list[list[Cell]] = field(default_factory=list)

    def extract(self, _source: Source, _rows: list[str], *, only: Any, budget_ms: Any) -> Any:
        assert budget_ms == 100
        self.asked.append(list(only))
        return self.answers.pop(0)

    def load(self, _table: Table, documents: list[str], *, budget_ms: Any) -> Any:
        assert documents
        assert budget_ms == 100
        answer = self.answers.pop(0)
        if isinstance(answer, Failure):
            raise answer
        return answer


def transfer(*answers: Extraction | Report | Failure) -> tuple[Transfer, Script]:
    script = Script(list(answers))
    pipeline: Any = script
    return Transfer.of(pipeline, SOURCE, Table(name="t"), ROWS, budget_ms=100), script


def test_one_round() -> None:
    rejected = RejectedCell(cell=CELLS[3], kind="status", status=404, reason="not found")
    record = RejectedRecord(cell=CELLS[0], index=2, kind="required", path="/p", reason="missing")
    one, script = transfer(
        extraction(CELLS[:3], rejected=[rejected], rejected_records=[record]),
        report(
            4,
            superseded=[SupersededDocument(index=0, by=1)],
            rejected=[RejectedDocument(index=5, path="/k", reason="empty key")],
        ),
    )
    tally = one.run()
    assert (tally.rows, tally.planned, tally.done, tally.rejected, tally.pending) == (2, 4, 3, 1, 0)
    assert (tally.records, tally.rejected_records, tally.documents) == (7, 1, 6)
    assert (tally.written, tally.superseded, tally.rejected_documents) == (4, 1, 1)
    assert [reason.rpartition(": ")[2] for reason in one.progress.reasons] == [
        "not found",
        "missing",
        "empty key",
    ]
    assert script.asked == [CELLS]


def test_the_budget_ends_a_round_only() -> None:
    one, script = transfer(
        extraction(CELLS[:1], pending=CELLS[1:], stopped=StoppedByBudget()),
        report(2),
        extraction(CELLS[1:]),
        report(6),
    )
    assert one.run().written == 8
    assert script.asked == [CELLS, CELLS[1:]]


def test_unwritten_documents_are_asked_for_again() -> None:
    one, script = transfer(
        # The last document of the second cell isn't written.
        extraction(CELLS),
        report(7, pending=[3], stopped=StoppedByBudget()),
        extraction([CELLS[1]]),
        report(2),
    )
    tally = one.run()
    assert script.asked == [CELLS, [CELLS[1]]]
    assert (tally.documents, tally.written, tally.done) == (8, 8, 4)


@pytest.mark.parametrize(
    ("stop", "raised"),
    [
        (LIMIT, RateLimited),
        (StoppedByDenial("no"), PermanentDenied),
        (StoppedByOutage("down"), Unavailable),
    ],
)
def test_what_is_finished_is_kept(stop: Any, raised: type[Exception]) -> None:
    one, _ = transfer(extraction(CELLS[:2], pending=CELLS[2:], stopped=stop), report(4))
    kept: list[str] = []
    with pytest.raises(raised):
        one.run(lambda transfer: kept.append(json.dumps(transfer.state())))
    assert json.loads(kept[0])["pending"] == [[2, 4]]
    # Another process, later.
    again, script = transfer(extraction(CELLS[2:]), report(4))
    assert again.resume(json.loads(kept[0]))
    tally = again.run()
    assert script.asked == [CELLS[2:]]
    assert (tally.done, tally.written, tally.requests) == (4, 8, 4)


GONE = RejectedCell(cell=CELLS[0], kind="status", status=404, reason="gone")


@pytest.mark.parametrize(
    ("stop", "loaded", "raised"),
    [
        (None, Unavailable("table"), "table"),
        (StoppedByBudget(), ExecutionFailed("table"), "table"),
        # The source's silence holds, whatever befalls the table.
        (LIMIT, Unavailable("table"), "slow down"),
        (LIMIT, RateLimited("table", 1000), "slow down"),
        (LIMIT, RateLimited("table", 10_000), "table"),
        (StoppedByOutage("source"), RateLimited("table", 1000), "table"),
        (LIMIT, PermanentDenied("table"), "table"),
        (StoppedByOutage("source"), report(0, pending=[0, 1], stopped=LIMIT), "slow down"),
    ],
)
def test_a_load_that_fails(stop: Any, loaded: Report | Failure, raised: str) -> None:
    one, _ = transfer(
        extraction(CELLS[1:2], rejected=[GONE], pending=CELLS[2:], stopped=stop), loaded
    )
    kept: list[dict[str, Any]] = []
    with pytest.raises(Failure, match=raised):
        one.run(lambda transfer: kept.append(transfer.state()))
    # What is rejected isn't asked for again; what isn't written is.
    assert kept[0]["pending"] == [[1, 4]]
    assert (kept[0]["tally"]["rejected"], kept[0]["tally"]["requests"]) == (1, 1)


def test_what_supersedes_must_be_written() -> None:
    later = SupersededDocument(index=0, by=3)
    one, script = transfer(
        # The first cell's document gave way to the second's, which isn't written.
        extraction(CELLS),
        report(6, superseded=[later], pending=[3], stopped=StoppedByBudget()),
        extraction(CELLS[:2]),
        report(3, superseded=[later]),
    )
    tally = one.run()
    assert script.asked == [CELLS, CELLS[:2]]
    assert (tally.documents, tally.written, tally.superseded) == (8, 7, 1)


def test_reasons_are_given_once() -> None:
    refused = RejectedDocument(index=0, path="/k", reason="empty key")
    one, _ = transfer(
        # Of the first cell one document is refused, and the other has to wait.
        extraction(CELLS),
        report(6, rejected=[refused], pending=[1], stopped=StoppedByBudget()),
        extraction(CELLS[:1]),
        report(1, rejected=[refused]),
    )
    assert one.run().rejected_documents == 1
    assert one.progress.reasons == ("document /k: empty key",)


def test_an_empty_axis_is_no_plan() -> None:
    pipeline: Any = Script([])
    source = replace(SOURCE, matrix={"c": []})
    with pytest.raises(PermanentInvalid, match="an axis of the matrix has no values"):
        Transfer.of(pipeline, source, Table(name="t"), ROWS)


def test_another_plan_is_not_gone_on_with() -> None:
    one, _ = transfer()
    kept = one.state()
    pipeline: Any = Script([])
    others = [
        Transfer.of(pipeline, SOURCE, Table(name="t"), [{"id": 0}, {"id": 2}]),
        Transfer.of(pipeline, SOURCE, Table(name="u"), ROWS),
        Transfer.of(pipeline, replace(SOURCE, url="https://b"), Table(name="t"), ROWS),
        Transfer.of(pipeline, replace(SOURCE, pagination=LinkHeader()), Table(name="t"), ROWS),
    ]
    assert not any(other.resume(kept) for other in others)
    assert not one.resume(None)
    assert one.resume(kept)


def test_no_progress_is_an_end() -> None:
    stuck = replace(NOTHING, pending=CELLS, stopped=StoppedByBudget())
    one, script = transfer(*[stuck] * 9)
    with pytest.raises(Unavailable, match="4 requests stay unfinished"):
        one.run()
    assert len(script.asked) == 3


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([extraction(CELLS[:3]), report(6)], "other requests than it was given"),
        ([extraction([*CELLS, CELLS[0]]), report(10)], "other requests than it was given"),
        ([extraction(CELLS), report(7)], "documents 8, of requests 8, accounted for 7"),
        (
            [replace(extraction(CELLS), documents=["{}"] * 7), report(7)],
            "documents 7, of requests 8, accounted for 7",
        ),
    ],
)
def test_losses_are_seen(answers: list[Any], message: str) -> None:
    one, _ = transfer(*answers)
    with pytest.raises(UnbalancedError, match=message):
        one.run()


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([], []), ([0], [[0, 1]]), ([0, 1, 2, 5, 7, 8], [[0, 3], [5, 6], [7, 9]])],
)
def test_ranges(numbers: list[int], expected: list[list[int]]) -> None:
    assert _ranges(numbers) == expected
