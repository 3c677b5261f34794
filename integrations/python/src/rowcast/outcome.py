"""What comes of a call: everything it was given, accounted for, as the WIT has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rowcast.document import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rowcast.source import Cell


@dataclass(frozen=True, slots=True)
class StoppedByBudget:
    """The budget ran out; call again at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedByRateLimit:
    """The upstream asked for silence; call again when it has passed."""

    retry_after_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class StoppedByDenial:
    """The upstream refuses these credentials or this use."""

    reason: str


@dataclass(frozen=True, slots=True)
class StoppedByOutage:
    """Attempts ran out while the upstream stayed unavailable."""

    reason: str


Stop: TypeAlias = "StoppedByBudget | StoppedByRateLimit | StoppedByDenial | StoppedByOutage"
"""Why a call stopped before it attempted everything."""

RejectionKind: TypeAlias = Literal["template", "status", "body", "required", "clash", "policy"]
"""What kind of reason rejected something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneCell:
    """A cell whose answer was read to the end."""

    cell: Cell
    documents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedCell:
    """A cell that will not succeed if repeated."""

    cell: Cell
    kind: RejectionKind
    status: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRecord:
    """A record of a done cell that is not among the documents."""

    cell: Cell
    index: int
    kind: RejectionKind
    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What came of `extract`: each cell is done, rejected or pending."""

    documents: list[str]
    done: list[DoneCell]
    rejected: list[RejectedCell]
    rejected_records: list[RejectedRecord]
    pending: list[Cell]
    stopped: Stop | None
    requests: int
    retries: int
    token_requests: int

    def parsed(self) -> Iterator[dict[str, Any]]:
        """The documents' members, digits kept."""
        return map(parse, self.documents)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupersededDocument:
    """A document whose key a later document of the same call also has."""

    index: int
    by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedDocument:
    """A document that DynamoDB can't hold, or refused."""

    index: int
    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of `load`: each document is written, superseded, rejected or pending."""

    written: int
    superseded: list[SupersededDocument]
    rejected: list[RejectedDocument]
    pending: list[int]
    stopped: Stop | None
    capacity: float
    requests: int
    retries: int


Access: TypeAlias = Literal["query", "scan"]
"""How a question was answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One page of what a question found."""

    documents: list[str]
    cursor: str | None
    access: Access
    scanned: int
    matched: int
    capacity: float
    requests: int

    def parsed(self) -> Iterator[dict[str, Any]]:
        """The documents' members, digits kept."""
        return map(parse, self.documents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is known of one attribute that a filter compares."""

    path: str
    expected: str
    missing: int
    other_type: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why nothing matched."""

    findings: list[Finding]
    scanned: int
    complete: bool
    capacity: float
