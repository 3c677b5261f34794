"""Rows and documents: Python values ↔ JSON text, digits kept.

Everything that flows is a document: one JSON object as text. A `Decimal` goes
out with the digits it has, and comes back as one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterable

Row: TypeAlias = "str | Mapping[str, Any]"
"""JSON text of one object, passed on as it is, or a mapping to be written as one."""


def text(row: Row) -> str:
    """A row or document as JSON text.

    Database drivers hand out dates, times and UUIDs; they become text as ISO
    8601 and RFC 9562 write them, which is what PostgreSQL's `row_to_json` does.
    """
    if isinstance(row, str):
        return row
    return _encode(row)


def texts(rows: Iterable[Row]) -> list[str]:
    """Each as JSON text."""
    if isinstance(rows, (str, Mapping)):
        # A text is an iterable of texts, and a mapping one of its keys.
        raise TypeError("expected rows, got one; put it into a list")
    return [text(row) for row in rows]


def parse(document: str) -> dict[str, Any]:
    """A document's members. Numbers with a fraction or an exponent are `Decimal`s."""
    value = json.loads(document, parse_float=Decimal)
    if not isinstance(value, dict):
        raise TypeError(f"expected a JSON object, got {type(value).__name__}")
    return value


def _encode(value: object) -> str:  # noqa: PLR0911 - one flat match over JSON's types
    match value:
        case None | bool() | str():
            return _plain(value)
        case int():
            # Not `str`: an enumeration of integers is one too.
            return int.__repr__(value)
        case float() if math.isfinite(value):
            return float.__repr__(value)
        case Decimal() if value.is_finite():
            return str(value)
        case datetime() | date() | time():
            return json.dumps(value.isoformat())
        case UUID():
            return json.dumps(str(value))
        case Mapping():
            members = (f"{_name(name)}:{_encode(member)}" for name, member in value.items())
            return "{" + ",".join(members) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_encode, value)) + "]"
        case float() | Decimal():
            raise ValueError(f"write {value} as JSON: it has no number for it")
        case _:
            raise TypeError(f"write a {type(value).__name__} as JSON: convert it first")


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"write a {type(name).__name__} as a JSON member's name: convert it first")
    return _plain(name)


def _plain(value: str | bool | None) -> str:  # noqa: FBT001 - a value like the others
    written = json.dumps(value, ensure_ascii=False)
    try:
        written.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair: escaped, it gets as far as to be rejected.
        return json.dumps(value)
    return written
