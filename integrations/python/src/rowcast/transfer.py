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

from rowcast.document import Row, texts
from rowcast.failure import PermanentDenied, RateLimited, Unavailable
from rowcast.outcome import (
    Extraction,
    Report,
    Stop,
    StoppedByBudget,
    StoppedByDenial,
    StoppedByOutage,
    StoppedByRateLimit,
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

        Raises what stopped it, once the finished part is kept: `RateLimited`,
        `Unavailable` or `PermanentDenied`. Running again goes on from there.
        """
        fruitless = 0
        while self.progress.pending:
            before = len(self.progress.pending)
            stops = self._round()
            keep(self)
            for stop in stops:
                _raise(stop)
            fruitless = fruitless + 1 if len(self.progress.pending) == before else 0
            if fruitless == FRUITLESS_ROUNDS:
                raise Unavailable(f"{before} requests stay unfinished; the budget may be too short")
        return self.progress.tally.close(len(self.rows))

    def _round(self) -> list[Stop]:
        extraction = self.pipeline.extract(
            self.source, self.rows, only=self.progress.pending, budget_ms=self.budget_ms
        )
        report = _NOTHING
        if extraction.documents:
            report = self.pipeline.load(self.table, extraction.documents, budget_ms=self.budget_ms)
        _balance(self.progress.pending, extraction, report)
        self.progress = _after(self.progress, extraction, report)
        self.progress.tally.check()
        return [stop for stop in (extraction.stopped, report.stopped) if stop is not None]


_NOTHING = Report(
    written=0,
    superseded=[],
    rejected=[],
    pending=[],
    stopped=None,
    capacity=0.0,
    requests=0,
    retries=0,
)


def _balance(asked: Iterable[Cell], extraction: Extraction, report: Report) -> None:
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


def _after(progress: Progress, extraction: Extraction, report: Report) -> Progress:
    """The progress with a round's outcome."""
    unwritten = set(report.pending)
    superseded = {one.index for one in report.superseded}
    refused = {one.index for one in report.rejected}
    pending = list(extraction.pending)
    finished: set[Cell] = set()
    counts = dict.fromkeys(("documents", "superseded", "rejected_documents"), 0)
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
        counts["rejected_documents"] += sum(index in refused for index in own)
    rejected_records = [one for one in extraction.rejected_records if one.cell in finished]
    reasons = chain(
        (f"{one.cell}: {one.reason}" for one in extraction.rejected),
        (f"{one.cell}, record {one.index}, {one.path}: {one.reason}" for one in rejected_records),
        (f"document {one.path}: {one.reason}" for one in report.rejected),
    )
    unfinished = counts["superseded"] + counts["rejected_documents"]
    round_tally = Tally(
        done=len(finished),
        rejected=len(extraction.rejected),
        records=counts["documents"] + len(rejected_records),
        rejected_records=len(rejected_records),
        written=counts["documents"] - unfinished,
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


def _raise(stop: Stop) -> None:
    match stop:
        case StoppedByBudget():
            return
        case StoppedByRateLimit():
            raise RateLimited(stop.reason, stop.retry_after_ms)
        case StoppedByDenial():
            raise PermanentDenied(stop.reason)
        case StoppedByOutage():
            raise Unavailable(stop.reason)


def _plan(source: Source, table: Table, rows: Iterable[str]) -> str:
    """Names what is asked for, not how fast or with which credentials."""
    held = hashlib.sha256()
    asked = (
        source.url,
        source.matrix,
        source.records,
        source.attributes,
        source.require,
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
