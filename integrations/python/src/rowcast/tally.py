"""Counts of finished and unfinished work; closing raises if something is missing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from rowcast.failure import RowcastError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class UnbalancedError(RowcastError):
    """What went in isn't what came out: something was lost, or counted twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Where everything is. Records and documents are those of done requests."""

    rows: int = 0
    planned: int = 0
    """Rows times combinations, counted by the settings, not by what the component answers."""
    done: int = 0
    rejected: int = 0
    pending: int = 0
    records: int = 0
    """What the source's answers held."""
    rejected_records: int = 0
    documents: int = 0
    written: int = 0
    unchanged: int = 0
    """The table held them already."""
    superseded: int = 0
    rejected_documents: int = 0
    pending_documents: int = 0
    requests: int = 0
    """Sent to the source, repeats included."""
    retries: int = 0
    writes: int = 0
    """DynamoDB calls sent, repeats included."""
    capacity: float = 0.0
    """Write capacity units consumed."""

    def __add__(self, other: Tally) -> Tally:
        sums = {name: value + getattr(other, name) for name, value in asdict(self).items()}
        return Tally(**sums)

    @property
    def rejections(self) -> int:
        """Everything that will not succeed if repeated."""
        return self.rejected + self.rejected_records + self.rejected_documents

    def check(self) -> Tally:
        """This tally, if everything in it is accounted for."""
        balances = {
            "requests planned": (self.planned, self.done + self.rejected + self.pending),
            "records received": (self.records, self.documents + self.rejected_records),
            "documents": (
                self.documents,
                self.written
                + self.unchanged
                + self.superseded
                + self.rejected_documents
                + self.pending_documents,
            ),
        }
        wrong = [
            f"{name} {total}, accounted for {found}"
            for name, (total, found) in balances.items()
            if total != found
        ]
        if wrong:
            raise UnbalancedError("; ".join(wrong))
        return self

    def close(self, rows: int | None = None) -> Tally:
        """This tally, if it balances, nothing is pending, and it's about so many rows."""
        self.check()
        if self.pending:
            raise UnbalancedError(f"{self.pending} of {self.planned} requests are pending")
        if self.pending_documents:
            raise UnbalancedError(
                f"{self.pending_documents} of {self.documents} documents are pending"
            )
        if rows is not None and rows != self.rows:
            raise UnbalancedError(f"rows {rows}, accounted for {self.rows}")
        return self

    def as_dict(self) -> dict[str, float]:
        """For where only JSON passes."""
        return asdict(self)

    @classmethod
    def of_dict(cls, counts: Mapping[str, float]) -> Tally:
        """What `as_dict` made."""
        held = {field.name: counts[field.name] for field in fields(cls)}
        return cls(**held)  # type: ignore[arg-type] # integers come back as they were

    @classmethod
    def total(cls, tallies: Iterable[Tally]) -> Tally:
        """The sum."""
        return sum(tallies, cls())
