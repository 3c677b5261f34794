"""Credentials, region and origins → the component's environment."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from rowcast import (
    Credentials,
    PermanentInvalid,
    Pipeline,
    Settings,
    of_session,
)
from rowcast.credentials import ALLOW, Environment, of_process

SECRET = "s3cr3t"
KEY = Credentials("AKIA", SECRET, SECRET)


@pytest.mark.parametrize(
    "holder",
    [
        KEY,
        Settings.of({"url": "https://a", "auth": {"type": "bearer", "token": SECRET}}),
        Settings.of({"url": "https://a", "headers": {"x-api-key": SECRET}}),
        Settings.of({"url": "https://a"}).with_auth({"type": "basic", "password": SECRET}),
        Settings(f'{{"auth": "{SECRET}"'),
        Environment(variables={"AWS_SECRET_ACCESS_KEY": SECRET}, credentials=KEY),
        Pipeline(b"", environment={"AWS_SECRET_ACCESS_KEY": SECRET}, credentials=KEY),
        Pipeline(b"", environment={}, credentials=partial(Credentials, "AKIA", SECRET)),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_secrets_are_not_shown(holder: object) -> None:
    assert SECRET not in repr(holder)
    assert SECRET not in f"{holder}"


@pytest.mark.parametrize(
    ("variables", "allow", "expected"),
    [
        ({}, None, "https://a"),
        ({ALLOW: "https://b"}, None, "https://b"),
        ({ALLOW: "https://b"}, ("https://c", "https://d"), "https://c,https://d"),
        ({}, (), ""),
    ],
)
def test_what_is_allowed(
    variables: dict[str, str], allow: tuple[str, ...] | None, expected: str
) -> None:
    environment = Environment(variables=variables, allow=allow)
    assert environment.for_source(lambda: ["https://a"]) == {ALLOW: expected}
    assert environment.for_transfer(lambda: ["https://a"]) == {ALLOW: expected}
    assert environment.for_dynamodb() == {ALLOW: ""}


def test_each_call_is_told_its_own_secrets_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(of_process()):
        monkeypatch.delenv(name)
    monkeypatch.setenv("ROWCAST_SECRET_API", SECRET)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("OTHER", "other")
    environment = Environment(variables=of_process())
    told = environment.for_source(lambda: ["https://a", "https://b"])
    assert told == {ALLOW: "https://a,https://b", "ROWCAST_SECRET_API": SECRET}
    both = environment.for_transfer(lambda: ["https://a"])
    assert both == {
        ALLOW: "https://a",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "ROWCAST_SECRET_API": SECRET,
    }
    told = environment.for_dynamodb()
    assert told["AWS_ACCESS_KEY_ID"] == "AKIA"
    assert not {"OTHER", "ROWCAST_SECRET_API"} & set(told)


def test_explicit_credentials_go_first() -> None:
    variables = {"AWS_ACCESS_KEY_ID": "other", "AWS_SESSION_TOKEN": "other"}
    found = Environment(variables=variables, credentials=Credentials("a", "b")).for_dynamodb()
    assert found["AWS_ACCESS_KEY_ID"] == "a"
    assert found["AWS_SESSION_TOKEN"] == ""


def test_a_session_is_asked_every_time() -> None:
    tokens = iter("xy")

    def frozen() -> object:
        return SimpleNamespace(access_key="a", secret_key="b", token=next(tokens))

    held: Any = SimpleNamespace(get_frozen_credentials=frozen)
    provider = of_session(SimpleNamespace(get_credentials=lambda: held))
    assert [provider().session_token, provider().session_token] == ["x", "y"]
    with pytest.raises(PermanentInvalid, match="this session has none"):
        of_session(SimpleNamespace(get_credentials=lambda: None))()


def test_nothing_else_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(of_process()):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("DATABASE_URL", SECRET)
    assert of_process() == {"AWS_REGION": "eu-west-1"}
