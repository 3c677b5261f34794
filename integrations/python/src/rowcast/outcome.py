"""What comes of a call: everything it was given, accounted for, as the WIT has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rowcast.document import parse

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, order=True)
class Request:
    """One request of the plan: a row and a combination of matrix values."""

    row: int
    combination: int = 0


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request that isn't finished, and the page that it had reached."""

    request: Request
    resume: str | None = None


@dataclass(frozen=True, slots=True)
class StoppedByBudget:
    """The call's time was used up; call again at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedByRateLimit:
    """The upstream asked to be left alone; call again when that has passed."""

    retry_after_ms: int
    upstream: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedByOutage:
    """Attempts ran out while the upstream stayed unavailable."""

    upstream: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedByDenial:
    """The upstream refuses these credentials or this use."""

    upstream: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedByInvalid:
    """Settings or input are wrong, such as a missing table or a wrong key."""

    upstream: str
    reason: str


Stop: TypeAlias = (
    "StoppedByBudget | StoppedByRateLimit | StoppedByOutage | StoppedByDenial | StoppedByInvalid"
)
"""Why a call stopped before it attempted everything."""

RejectionKind: TypeAlias = Literal[
    "template",
    "status",
    "body",
    "required",
    "clash",
    "policy",
    "exhausted",
    "too-large",
    "item",
]
"""What kind of reason rejected something."""

Counters: TypeAlias = "dict[str, float]"
"""What a call took, such as `source.requests`; unknown names are to be ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong with one setting."""

    pointer: str
    message: str
    hint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneRequest:
    """A request whose answer was read to the end."""

    request: Request
    documents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRequest:
    """A request that will not succeed if repeated."""

    request: Request
    kind: RejectionKind
    status: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRecord:
    """A record of a finished request that did not become a document."""

    request: Request
    index: int
    kind: RejectionKind
    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What came of `extract`: each request is done, rejected or pending."""

    documents: list[str]
    done: list[DoneRequest]
    rejected: list[RejectedRequest]
    rejected_records: list[RejectedRecord]
    pending: list[PendingRequest]
    stopped: Stop | None
    counters: Counters

    def parsed(self) -> Iterator[dict[str, Any]]:
        """The documents' members, digits kept."""
        return map(parse, self.documents)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupersededDocument:
    """A document that was not written, because a later one has its key."""

    index: int
    by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedDocument:
    """A document that DynamoDB can't hold, or refused."""

    index: int
    kind: RejectionKind
    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of `load`: each document is written, unchanged, superseded, rejected or pending."""

    written: int
    unchanged: int
    superseded: list[SupersededDocument]
    rejected: list[RejectedDocument]
    pending: list[int]
    stopped: Stop | None
    counters: Counters


@dataclass(frozen=True, slots=True)
class PendingDocument:
    """A document that is not written yet, and the request that it came from."""

    request: Request
    document: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What a transfer left; passed back as it is, with the same settings and rows."""

    requests: tuple[PendingRequest, ...] = ()
    documents: tuple[PendingDocument, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.requests or self.documents)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedDocument:
    """A transfer's document that DynamoDB can't hold, or refused."""

    request: Request
    kind: RejectionKind
    path: str
    reason: str
    document: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferReport:
    """What came of one call of `transfer`, every request and document accounted for."""

    done: int
    documents: int
    written: int
    unchanged: int
    superseded: int
    rejected: list[RejectedRequest]
    rejected_records: list[RejectedRecord]
    rejected_documents: list[RefusedDocument]
    remaining: Remaining | None
    stopped: Stop | None
    counters: Counters


Access: TypeAlias = Literal["query", "scan"]
"""How a query was answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of what a query found."""

    documents: list[str]
    cursor: str | None
    access: Access
    scanned: int
    counters: Counters

    def parsed(self) -> Iterator[dict[str, Any]]:
        """The documents' members, digits kept."""
        return map(parse, self.documents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is known of one attribute that a filter compares."""

    path: str
    expected: str
    missing: int
    other_type: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why nothing matched."""

    diagnoses: list[Diagnosis]
    scanned: int
    complete: bool
    counters: Counters
