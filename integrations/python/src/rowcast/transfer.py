"""A chunk of rows → documents in DynamoDB, in calls that can be continued.

Each call is the component's `transfer`, given what the one before it left. What is
kept between calls, and over tries, is that remainder and the counts so far.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from rowcast import outcome
from rowcast.document import Row, text, texts
from rowcast.failure import (
    Failure,
    PermanentDenied,
    PermanentInvalid,
    RateLimited,
    Unavailable,
)
from rowcast.outcome import PendingDocument, PendingRequest, Remaining, Request
from rowcast.settings import PACE, SECRET, Given, Settings
from rowcast.tally import Tally, UnbalancedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rowcast.pipeline import Pipeline

REASONS_KEPT = 20
"""Reasons that a progress keeps: enough to see what is wrong, bounded."""

FRUITLESS_CALLS = 3
"""Calls that achieve nothing before a transfer gives up on its budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a chunk's transfer is."""

    plan: str
    """What it's the progress of: rows and settings. Indexes mean nothing elsewhere."""
    remaining: Remaining
    tally: Tally
    reasons: tuple[str, ...] = ()
    """Why things were rejected, the first ones."""

    def as_dict(self, combinations: int) -> dict[str, Any]:
        """For where only JSON passes; requests that haven't begun as ranges."""
        numbers = (
            one.request.row * combinations + one.request.combination
            for one in self.remaining.requests
            if one.resume is None
        )
        return {
            "plan": self.plan,
            "pending": _ranges(numbers),
            "begun": [
                [one.request.row, one.request.combination, one.resume]
                for one in self.remaining.requests
                if one.resume is not None
            ],
            "documents": [
                [one.request.row, one.request.combination, one.document]
                for one in self.remaining.documents
            ],
            "tally": self.tally.as_dict(),
            "reasons": list(self.reasons),
        }

    @classmethod
    def of_dict(cls, kept: Mapping[str, Any], combinations: int) -> Progress:
        """What `as_dict` made."""
        numbers = chain.from_iterable(range(first, end) for first, end in kept["pending"])
        requests = [PendingRequest(Request(*divmod(n, combinations))) for n in numbers]
        requests += [
            PendingRequest(Request(row, combination), resume)
            for row, combination, resume in kept["begun"]
        ]
        documents = (
            PendingDocument(Request(row, combination), document)
            for row, combination, document in kept["documents"]
        )
        return cls(
            plan=kept["plan"],
            remaining=Remaining(
                requests=tuple(sorted(requests, key=lambda one: one.request)),
                documents=tuple(documents),
            ),
            tally=Tally.of_dict(kept["tally"]),
            reasons=tuple(kept["reasons"]),
        )


@dataclass(slots=True, kw_only=True)
class Transfer:
    """One chunk's way from rows to the table."""

    pipeline: Pipeline
    source: Settings
    table: Settings
    rows: list[str]
    combinations: int
    budget_ms: int | None = None
    progress: Progress = field(init=False)

    @classmethod
    def of(
        cls,
        pipeline: Pipeline,
        source: Given,
        table: Given,
        rows: Iterable[Row],
        *,
        budget_ms: int | None = None,
    ) -> Transfer:
        """A transfer that has yet to begin. `budget_ms` is each call's."""
        combinations = pipeline.combinations(source)
        if combinations == 0:
            # No requests would be planned, and all of none be done.
            raise PermanentInvalid("plan the requests: an axis of the matrix has no values")
        transfer = cls(
            pipeline=pipeline,
            source=Settings.of(source),
            table=Settings.of(table),
            rows=texts(rows),
            combinations=combinations,
            budget_ms=budget_ms,
        )
        planned = len(transfer.rows) * combinations
        requests = (PendingRequest(Request(*divmod(n, combinations))) for n in range(planned))
        transfer.progress = Progress(
            plan=_plan(transfer.source, transfer.table, transfer.rows),
            remaining=Remaining(requests=tuple(requests)),
            tally=Tally(rows=len(transfer.rows), planned=planned, pending=planned),
        )
        return transfer

    def resume(self, kept: Mapping[str, Any] | None) -> bool:
        """Goes on from what `state` made; false if that's of another plan."""
        if kept is None or kept.get("plan") != self.progress.plan:
            return False
        self.progress = Progress.of_dict(kept, self.combinations)
        return True

    def state(self) -> dict[str, Any]:
        """The progress, for where only JSON passes."""
        return self.progress.as_dict(self.combinations)

    def run(
        self,
        keep: Callable[[Transfer], None] = lambda _: None,
        *,
        wait: Callable[[float], None] | None = None,
    ) -> Tally:
        """Calls until nothing remains; `keep` is called after each.

        Rate limits are waited out by `wait`, such as `time.sleep`, which is given
        seconds. What stopped it otherwise is raised once the finished part is kept:
        a `Failure`, rate limits too if there is no `wait`. Running again goes on
        from there.
        """
        fruitless = 0
        while before := self.progress.remaining:
            failure = self._call()
            keep(self)
            if isinstance(failure, RateLimited) and wait is not None:
                wait(failure.retry_after)
                continue
            if failure is not None:
                raise failure
            fruitless = fruitless + 1 if self.progress.remaining == before else 0
            if fruitless == FRUITLESS_CALLS:
                raise Unavailable(
                    f"{len(before.requests)} requests stay unfinished, and"
                    f" {len(before.documents)} documents unwritten; the budget may be too short"
                )
        return self.progress.tally.close(len(self.rows))

    def _call(self) -> Failure | None:
        """One call; what forbids the next."""
        given = self.progress.remaining
        try:
            report = self.pipeline.transfer(
                self.source, self.table, self.rows, given, budget_ms=self.budget_ms
            )
        except Failure as failure:
            taken = self.progress.tally + _taken(failure.counters)
            self.progress = replace(self.progress, tally=taken)
            return failure
        _balance(given, report)
        self.progress = _after(self.progress, report)
        self.progress.tally.check()
        return _failure(report.stopped)


def _balance(given: Remaining, report: outcome.TransferReport) -> None:
    """Raises if a call lost something that it was given."""
    left = report.remaining or Remaining()
    asked = {one.request for one in given.requests}
    named = [one.request for one in report.rejected]
    named += [one.request for one in left.requests]
    answered = report.done + len(named)
    if answered != len(asked) or len(set(named)) != len(named) or not asked.issuperset(named):
        raise UnbalancedError(
            "transfer answered other requests than it was given:"
            f" {len(asked)}, accounted for {answered}"
        )
    accounted = report.written + report.unchanged + report.superseded
    accounted += len(report.rejected_documents) + len(left.documents)
    if report.documents != accounted:
        raise UnbalancedError(f"documents {report.documents}, accounted for {accounted}")
    if report.documents < len(given.documents):
        raise UnbalancedError(f"documents {report.documents}, given {len(given.documents)}")


def _after(progress: Progress, report: outcome.TransferReport) -> Progress:
    """The progress with a call's outcome."""
    left = report.remaining or Remaining()
    # Those that were given are counted already.
    made = report.documents - len(progress.remaining.documents)
    reasons = chain(
        (f"{one.request}: {one.reason}" for one in report.rejected),
        (
            f"{one.request}, record {one.index}, {one.path}: {one.reason}"
            for one in report.rejected_records
        ),
        (f"{one.request}, document {one.path}: {one.reason}" for one in report.rejected_documents),
    )
    tally = progress.tally + Tally(
        done=report.done,
        rejected=len(report.rejected),
        records=made + len(report.rejected_records),
        rejected_records=len(report.rejected_records),
        documents=made,
        written=report.written,
        unchanged=report.unchanged,
        superseded=report.superseded,
        rejected_documents=len(report.rejected_documents),
    )
    tally += _taken(report.counters)
    return replace(
        progress,
        remaining=left,
        tally=replace(tally, pending=len(left.requests), pending_documents=len(left.documents)),
        reasons=(*progress.reasons, *reasons)[:REASONS_KEPT],
    )


def _taken(counters: outcome.Counters) -> Tally:
    """What a call took."""

    def count(name: str) -> int:
        return int(counters.get(name, 0))

    return Tally(
        requests=count("source.requests"),
        retries=count("source.retries") + count("dynamodb.retries"),
        writes=count("dynamodb.requests"),
        capacity=counters.get("dynamodb.write-capacity", 0.0),
    )


def _failure(stop: outcome.Stop | None) -> Failure | None:
    """What a stop means for the next call; nothing if it may come at once."""
    match stop:
        case None | outcome.StoppedByBudget():
            return None
        case outcome.StoppedByRateLimit():
            return RateLimited(stop.reason, stop.retry_after_ms, stop.upstream)
        case outcome.StoppedByOutage():
            return Unavailable(f"{stop.upstream}: {stop.reason}")
        case outcome.StoppedByDenial():
            return PermanentDenied(f"{stop.upstream}: {stop.reason}")
        case outcome.StoppedByInvalid():
            return PermanentInvalid(f"{stop.upstream}: {stop.reason}")


def _plan(source: Settings, table: Settings, rows: Iterable[str]) -> str:
    """Names what is asked for, not how fast or with which credentials."""
    held = hashlib.sha256()
    asked = text(source.without(*PACE, *SECRET))
    for part in (asked, text(table.without(*PACE)), *rows):
        # Half of a surrogate pair is for the component to reject.
        held.update(f"{len(part)}:{part}".encode(errors="surrogatepass"))
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
