"""Python values ↔ JSON text."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from enum import IntEnum
from typing import Any
from uuid import UUID

import pytest

from rowcast import parse, text
from rowcast.document import texts


class Level(IntEnum):
    LOUD = 11


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ('{"as": "it is" }', '{"as": "it is" }'),
        ({}, "{}"),
        ({"a": None, "b": True, "c": 'é\n"'}, '{"a":null,"b":true,"c":"é\\n\\""}'),
        ({"\ud800": "é\ud800"}, '{"\\ud800":"\\u00e9\\ud800"}'),
        ({"a": 12345678901234567890123, "b": -0.5}, '{"a":12345678901234567890123,"b":-0.5}'),
        ({"a": Decimal("0.10"), "b": Decimal("1E+3")}, '{"a":0.10,"b":1E+3}'),
        ({"a": [1, (2, {"b": []})]}, '{"a":[1,[2,{"b":[]}]]}'),
        ({"a": date(2026, 1, 2)}, '{"a":"2026-01-02"}'),
        ({"a": datetime(2026, 1, 2, tzinfo=timezone.utc)}, '{"a":"2026-01-02T00:00:00+00:00"}'),
        ({"a": UUID(int=1)}, '{"a":"00000000-0000-0000-0000-000000000001"}'),
        ({"a": Level.LOUD}, '{"a":11}'),
    ],
)
def test_text(row: Any, expected: str) -> None:
    assert text(row) == expected


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"a": float("nan")}, "write nan as JSON"),
        ({"a": Decimal("Infinity")}, "write Infinity as JSON"),
        ({"a": b"x"}, "write a bytes as JSON"),
        ({1: "a"}, "write a int as a JSON member's name"),
    ],
)
def test_refused(row: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        text(row)


@pytest.mark.parametrize("one", ['{"a":1}', {"a": 1}])
def test_one_row_is_not_rows(one: Any) -> None:
    with pytest.raises(TypeError, match="put it into a list"):
        texts(one)


@pytest.mark.parametrize(
    "document",
    ['{"a":0.10}', '{"a":12345678901234567890.1234567890}', '{"a":[1,1.50,{"b":1E+3}]}'],
)
def test_digits_survive(document: str) -> None:
    assert text(parse(document)) == document


def test_no_object() -> None:
    with pytest.raises(TypeError, match="expected a JSON object, got list"):
        parse("[]")
