"""What is asked of a call: sources, tables and questions, as the WIT has them.

Each class mirrors the record of the same name in `wit/`; meanings, units and
bounds are there. Times are in milliseconds, as their names say. Secrets are
left out of every `repr`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Bounds on repeating one upstream request."""

    max_attempts: int = 5
    base_delay_ms: int = 200
    max_delay_ms: int = 20_000
    max_retry_after_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class Bearer:
    """`Authorization: Bearer …`."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """HTTP Basic authentication (RFC 7617)."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """The OAuth 2 client-credentials grant (RFC 6749, section 4.4)."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""


Auth: TypeAlias = "Bearer | Basic | ClientCredentials | None"
"""How requests to the source are authenticated."""


@dataclass(frozen=True, slots=True)
class NextUrl:
    """A JSON Pointer to the next page's URL."""

    pointer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorPagination:
    """A token in the body goes into a query parameter of the next request."""

    pointer: str
    parameter: str


@dataclass(frozen=True, slots=True)
class LinkHeader:
    """The `Link` header's `rel="next"` (RFC 8288)."""


Pagination: TypeAlias = "NextUrl | CursorPagination | LinkHeader | None"
"""How the next page of an answer is found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A REST API and how to read it."""

    url: str
    # Names and templates; API keys are sent this way, so they aren't shown.
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    matrix: Mapping[str, Sequence[str]] = field(default_factory=dict)
    records: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    require: Sequence[str] = ()
    auth: Auth = None
    pagination: Pagination = None
    max_pages: int = 100
    concurrency: int = 8
    retry: Retry = field(default_factory=Retry)
    request_timeout_ms: int = 20_000
    max_body_bytes: int = 8 * 1024 * 1024

    @property
    def combinations(self) -> int:
        """How many requests are made for each row."""
        product = 1
        for values in self.matrix.values():
            product *= len(values)
        return product

    def with_auth(self, auth: Auth) -> Source:
        """The same source, asked with other credentials."""
        return replace(self, auth=auth)


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One request of the plan: a row and a combination of matrix values."""

    row: int
    combination: int = 0


KeyKind: TypeAlias = Literal["text", "number", "bytes"]
"""DynamoDB's types of key attributes."""


@dataclass(frozen=True, slots=True)
class KeyAttribute:
    """A key's name and type."""

    name: str
    kind: KeyKind = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySchema:
    """A table's keys."""

    partition: KeyAttribute
    sort: KeyAttribute | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A DynamoDB table and how to write to it."""

    name: str
    keys: KeySchema | None = None
    retry: Retry = field(default_factory=Retry)
    concurrency: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to ask of which table."""

    table: str
    filter: str = ""
    index: str | None = None
    select: Sequence[str] = ()
    limit: int | None = None
    segments: int = 4
    consistent: bool = False
    retry: Retry = field(default_factory=Retry)
