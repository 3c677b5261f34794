"""Settings, passed on as they are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from rowcast import PermanentInvalid, Settings

TOKEN = {"type": "bearer", "token": "s3cret"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ('{"url": "as it is" }', '{"url": "as it is" }'),
        ({"b": 1, "a": Decimal("1.50")}, '{"b":1,"a":1.50}'),
        (Settings('{"c":1}'), '{"c":1}'),
    ],
)
def test_however_they_are_given(given: Any, expected: str) -> None:
    assert Settings.of(given).json == expected


def test_other_credentials() -> None:
    # The order of attributes is the documents'.
    source = Settings('{"attributes":{"b":"1","a":"2"},"auth":{"type":"none"},"max":1E+3}')
    assert source.with_auth(TOKEN).members()["auth"] == TOKEN
    assert source.with_auth(None).json == '{"attributes":{"b":"1","a":"2"},"max":1E+3}'


def test_shown_without_credentials() -> None:
    source = Settings.of({"url": "https://a", "headers": {"key": "s3cret"}, "auth": TOKEN})
    assert repr(source) == 'Settings({"url":"https://a"})'


@pytest.mark.parametrize("given", ["{", "[]", '"s3cret"'])
def test_no_object(given: str) -> None:
    with pytest.raises(PermanentInvalid, match="read settings: ") as caught:
        Settings(given).members()
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None
    assert repr(Settings(given)) == "Settings(not a JSON object)"


def test_of_another_type() -> None:
    given: Any = 1
    with pytest.raises(TypeError, match="expected settings, got a int"):
        Settings.of(given)
