"""A chunk of rows → documents in DynamoDB, in rounds that can be gone on with.

A cell is finished when each of its documents is written, superseded or rejected.
One with a document that isn't goes back to the pending cells, and is asked for
again: writing a document twice leaves the table as writing it once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from rowcast import outcome
from rowcast.document import Row, texts
from rowcast.failure import (
    Failure,
    PermanentDenied,
    PermanentFailure,
    PermanentInvalid,
    RateLimited,
    Unavailable,
)
from rowcast.source import Cell, Source, Table
from rowcast.tally import Tally, UnbalancedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rowcast.pipeline import Pipeline

REASONS_KEPT = 20
"""Reasons that a progress keeps: enough to see what is wrong, bounded."""

FRUITLESS_ROUNDS = 3
"""Rounds that finish nothing before a transfer gives up on its budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a chunk's transfer is."""

    plan: str
    """What it's the progress of: rows and source. Indexes mean nothing elsewhere."""
    pending: tuple[Cell, ...]
    tally: Tally
    reasons: tuple[str, ...] = ()
    """Why things were rejected, the first ones."""

    def as_dict(self, combinations: int) -> dict[str, Any]:
        """For where only JSON passes; pending cells as ranges."""
        numbers = [cell.row * combinations + cell.combination for cell in self.pending]
        return {
            "plan": self.plan,
            "pending": _ranges(numbers),
            "tally": self.tally.as_dict(),
            "reasons": list(self.reasons),
        }

    @classmethod
    def of_dict(cls, kept: Mapping[str, Any], combinations: int) -> Progress:
        """What `as_dict` made."""
        numbers = chain.from_iterable(range(first, end) for first, end in kept["pending"])
        return cls(
            plan=kept["plan"],
            pending=tuple(Cell(*divmod(number, combinations)) for number in numbers),
            tally=Tally.of_dict(kept["tally"]),
            reasons=tuple(kept["reasons"]),
        )


@dataclass(slots=True, kw_only=True)
class Transfer:
    """One chunk's way from rows to the table."""

    pipeline: Pipeline
    source: Source
    table: Table
    rows: list[str]
    budget_ms: int | None = None
    progress: Progress = field(init=False)

    @classmethod
    def of(
        cls,
        pipeline: Pipeline,
        source: Source,
        table: Table,
        rows: Iterable[Row],
        *,
        budget_ms: int | None = None,
    ) -> Transfer:
        """A transfer that has yet to begin. `budget_ms` is each call's."""
        if source.combinations == 0:
            # No requests would be planned, and all of none be done.
            raise PermanentInvalid("plan the requests: an axis of the matrix has no values")
        transfer = cls(
            pipeline=pipeline, source=source, table=table, rows=texts(rows), budget_ms=budget_ms
        )
        planned = len(transfer.rows) * source.combinations
        transfer.progress = Progress(
            plan=_plan(source, table, transfer.rows),
            pending=tuple(Cell(*divmod(n, source.combinations)) for n in range(planned)),
            tally=Tally(rows=len(transfer.rows), planned=planned, pending=planned),
        )
        return transfer

    def resume(self, kept: Mapping[str, Any] | None) -> bool:
        """Goes on from what `state` made; false if that's of another plan."""
        if kept is None or kept.get("plan") != self.progress.plan:
            return False
        self.progress = Progress.of_dict(kept, self.source.combinations)
        return True

    def state(self) -> dict[str, Any]:
        """The progress, for where only JSON passes."""
        return self.progress.as_dict(self.source.combinations)

    def run(self, keep: Callable[[Transfer], None] = lambda _: None) -> Tally:
        """Rounds until nothing is pending; `keep` is called after each.

        Raises what stopped it, once the finished part is kept: a `Failure`. Running
        again goes on from there.
        """
        fruitless = 0
        while self.progress.pending:
            before = len(self.progress.pending)
            failure = self._round()
            keep(self)
            if failure is not None:
                raise failure
            fruitless = fruitless + 1 if len(self.progress.pending) == before else 0
            if fruitless == FRUITLESS_ROUNDS:
                raise Unavailable(f"{before} requests stay unfinished; the budget may be too short")
        return self.progress.tally.close(len(self.rows))

    def _round(self) -> Failure | None:
        """One call of each; what forbids the next round."""
        extraction = self.pipeline.extract(
            self.source, self.rows, only=self.progress.pending, budget_ms=self.budget_ms
        )
        report, failed = self._load(extraction.documents)
        _balance(self.progress.pending, extraction, report)
        self.progress = _after(self.progress, extraction, report)
        self.progress.tally.check()
        stops = [_failure(extraction.stopped), _failure(report.stopped), failed]
        return _gravest(failure for failure in stops if failure is not None)

    def _load(self, documents: list[str]) -> tuple[outcome.Report, Failure | None]:
        if not documents:
            return _unwritten(0), None
        try:
            return self.pipeline.load(self.table, documents, budget_ms=self.budget_ms), None
        except Failure as failure:
            # What was rejected is rejected nevertheless, and the source's silence holds.
            return _unwritten(len(documents)), failure


def _unwritten(documents: int) -> outcome.Report:
    return outcome.Report(
        written=0,
        superseded=[],
        rejected=[],
        pending=list(range(documents)),
        stopped=None,
        capacity=0.0,
        requests=0,
        retries=0,
    )


def _balance(asked: Iterable[Cell], extraction: outcome.Extraction, report: outcome.Report) -> None:
    """Raises if a call lost something that it was given."""
    answered = sorted(
        chain(
            (one.cell for one in extraction.done),
            (one.cell for one in extraction.rejected),
            extraction.pending,
        )
    )
    if answered != sorted(asked):
        raise UnbalancedError("extract answered other requests than it was given")
    given = len(extraction.documents)
    owned = sum(one.documents for one in extraction.done)
    kept = report.written + len(report.superseded) + len(report.rejected) + len(report.pending)
    if not given == owned == kept:
        raise UnbalancedError(f"documents {given}, of requests {owned}, accounted for {kept}")


def _after(progress: Progress, extraction: outcome.Extraction, report: outcome.Report) -> Progress:
    """The progress with a round's outcome."""
    unwritten = set(report.pending)
    # Until the later one is written, the earlier one is all that there is.
    unwritten |= {one.index for one in report.superseded if one.by in unwritten}
    superseded = {one.index for one in report.superseded}
    refused = {one.index: one for one in report.rejected}
    pending = list(extraction.pending)
    finished: set[Cell] = set()
    rejected_documents: list[outcome.RejectedDocument] = []
    counts = {"documents": 0, "superseded": 0}
    first = 0
    for one in extraction.done:
        own = range(first, first + one.documents)
        first = own.stop
        if not unwritten.isdisjoint(own):
            pending.append(one.cell)
            continue
        finished.add(one.cell)
        counts["documents"] += len(own)
        counts["superseded"] += sum(index in superseded for index in own)
        rejected_documents += [refused[index] for index in own if index in refused]
    rejected_records = [one for one in extraction.rejected_records if one.cell in finished]
    reasons = chain(
        (f"{one.cell}: {one.reason}" for one in extraction.rejected),
        (f"{one.cell}, record {one.index}, {one.path}: {one.reason}" for one in rejected_records),
        (f"document {one.path}: {one.reason}" for one in rejected_documents),
    )
    unfinished = counts["superseded"] + len(rejected_documents)
    round_tally = Tally(
        done=len(finished),
        rejected=len(extraction.rejected),
        records=counts["documents"] + len(rejected_records),
        rejected_records=len(rejected_records),
        written=counts["documents"] - unfinished,
        rejected_documents=len(rejected_documents),
        requests=extraction.requests,
        retries=extraction.retries + report.retries,
        writes=report.requests,
        capacity=report.capacity,
        **counts,
    )
    return replace(
        progress,
        pending=tuple(sorted(pending)),
        tally=replace(progress.tally + round_tally, pending=len(pending)),
        reasons=(*progress.reasons, *reasons)[:REASONS_KEPT],
    )


def _failure(stop: outcome.Stop | None) -> Failure | None:
    """What a stop means for the next round; nothing if it may come at once."""
    match stop:
        case None | outcome.StoppedByBudget():
            return None
        case outcome.StoppedByRateLimit():
            return RateLimited(stop.reason, stop.retry_after_ms)
        case outcome.StoppedByDenial():
            return PermanentDenied(stop.reason)
        case outcome.StoppedByOutage():
            return Unavailable(stop.reason)


def _gravest(failures: Iterable[Failure]) -> Failure | None:
    """Source and table may both have one: a silence isn't broken for an outage."""

    def weight(failure: Failure) -> tuple[int, int]:
        match failure:
            case PermanentFailure():
                return 2, 0
            case RateLimited():
                return 1, failure.retry_after_ms
            case _:
                return 0, 0

    return max(failures, key=weight, default=None)


def _plan(source: Source, table: Table, rows: Iterable[str]) -> str:
    """Names what is asked for, not how fast or with which credentials."""
    held = hashlib.sha256()
    asked = (
        source.url,
        source.matrix,
        source.records,
        source.attributes,
        source.require,
        source.pagination,
        table.name,
    )
    for part in (repr(asked), *rows):
        held.update(f"{len(part)}:{part}".encode())
    return held.hexdigest()


def _ranges(numbers: Iterable[int]) -> list[list[int]]:
    """Ascending numbers as half-open ranges."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number:
            ranges[-1][1] += 1
        else:
            ranges.append([number, number + 1])
    return ranges
