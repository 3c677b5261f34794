"""What Airflow is told, without Airflow running."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Connection
from airflow.sdk.definitions.retry_policy import RetryAction
from airflow.sdk.exceptions import AirflowFailException

from rowcast import (
    Basic,
    Bearer,
    ClientCredentials,
    Credentials,
    ExecutionFailed,
    PermanentDenied,
    RateLimited,
    Tally,
    Unavailable,
    UnbalancedError,
)
from rowcast.airflow import FailureRetryPolicy, auth_of, aws_of, closed

TALLY = Tally(rows=1, planned=1, done=1, records=2, documents=2, written=2)


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (RateLimited("slow", 10_000), RetryAction.RETRY),
        (PermanentDenied("no"), RetryAction.FAIL),
        (UnbalancedError("lost"), RetryAction.FAIL),
        (Unavailable("down"), RetryAction.DEFAULT),
        (ExecutionFailed("trap"), RetryAction.DEFAULT),
        (OSError("disk"), RetryAction.DEFAULT),
    ],
)
def test_policy(error: Exception, action: RetryAction) -> None:
    decision = FailureRetryPolicy().evaluate(error, 1, 20)
    assert decision.action is action
    if action is RetryAction.RETRY:
        assert decision.retry_delay is not None
        assert timedelta(seconds=10) <= decision.retry_delay <= timedelta(seconds=11)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, None),
        ({"password": "p"}, Bearer("p")),
        ({"login": "u", "password": "p"}, Basic(username="u", password="p")),
        (
            {"login": "i", "password": "s", "extra": '{"token_url": "https://t", "scope": "a"}'},
            ClientCredentials(token_url="https://t", client_id="i", client_secret="s", scope="a"),
        ),
    ],
)
def test_auth(members: dict[str, Any], expected: object) -> None:
    assert auth_of(Connection(conn_id="c", conn_type="http", **members)) == expected


def test_aws() -> None:
    extra = '{"region_name": "eu-west-1", "endpoint_url": "http://127.0.0.1:1"}'
    variables = {"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1"}
    none = Connection(conn_id="c", conn_type="aws", extra=extra)
    assert aws_of(none) == (None, variables)
    token = '{"aws_session_token": "t"}'
    key = Connection(conn_id="c", conn_type="aws", login="a", password="b", extra=token)
    assert aws_of(key) == (Credentials("a", "b", "t"), {})


def outcome(tally: Tally, *reasons: str) -> dict[str, Any]:
    return {"tally": tally.as_dict(), "reasons": list(reasons)}


def test_counts_of_all_chunks() -> None:
    found = closed([outcome(TALLY), outcome(TALLY)], 0)
    assert found["tally"] == (TALLY + TALLY).as_dict()
    rejected = Tally(rows=1, planned=1, rejected=1)
    assert closed([outcome(TALLY), outcome(rejected, "gone")], 1)["reasons"] == ["gone"]
    with pytest.raises(AirflowFailException, match="1 rejected, 0 allowed:\ngone"):
        closed([outcome(TALLY), outcome(rejected, "gone")], 0)
    with pytest.raises(AirflowFailException, match="requests planned 1, accounted for 0"):
        closed([outcome(Tally(rows=1, planned=1))], 0)


def test_the_example_is_a_dag() -> None:
    file = Path(__file__).parents[1] / "examples/top_tracks.py"
    found: dict[str, Any] = {"__name__": "example"}
    exec(compile(file.read_text(), file, "exec"), found)  # noqa: S102 - our own file
    dag = found["top_tracks"]()
    assert set(dag.task_ids) == {"chunks", "top_tracks", "top_tracks_counts"}
    assert dag.get_task("top_tracks").partial_kwargs["retries"] == 20
