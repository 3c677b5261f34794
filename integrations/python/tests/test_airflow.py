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
    Credentials,
    ExecutionFailed,
    PermanentDenied,
    PermanentInvalid,
    RateLimited,
    Remaining,
    Request,
    Settings,
    Tally,
    TransferReport,
    Unavailable,
    UnbalancedError,
)
from rowcast.airflow import FailureRetryPolicy, RowcastOperator, auth_of, aws_of, closed

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


def test_a_wait_that_no_calendar_has() -> None:
    decision = FailureRetryPolicy().evaluate(RateLimited("slow", 2**63), 1, 20)
    assert decision.retry_delay is not None
    assert timedelta(days=365) <= decision.retry_delay <= timedelta(days=402)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, None),
        ({"password": "p"}, {"type": "bearer", "token": "p"}),
        ({"login": "u", "password": "p"}, {"type": "basic", "username": "u", "password": "p"}),
        (
            {"login": "i", "password": "s", "extra": '{"token_url": "https://t", "scope": "a"}'},
            {
                "type": "client-credentials",
                "token_url": "https://t",
                "client_id": "i",
                "client_secret": "s",
                "scope": "a",
            },
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


@pytest.mark.parametrize("name", ["role_arn", "profile_name"])
def test_other_credentials_are_not_passed_over(name: str) -> None:
    connection = Connection(conn_id="c", conn_type="aws", extra=f'{{"{name}": "x"}}')
    with pytest.raises(PermanentInvalid, match=f"`c`: `{name}` isn't followed here; give"):
        aws_of(connection)


class Store(dict[str, Any]):
    """The task state store, which outlives a task's success."""

    def set(self, key: str, value: Any, *, retention: timedelta) -> None:
        assert retention > timedelta(days=1)
        self[key] = value

    def delete(self, key: str) -> None:
        del self[key]


class Once:
    """A pipeline whose source fails from the second call on."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure
        self.asked: list[list[Request]] = []

    def combinations(self, _source: Settings) -> int:
        return 1

    def transfer(
        self,
        _source: Settings,
        _table: Settings,
        _rows: list[str],
        given: Remaining,
        *,
        budget_ms: int,
    ) -> Any:
        assert budget_ms == 60_000
        self.asked.append([one.request for one in given.requests])
        if len(self.asked) == 2:
            raise self.failure
        left = given.requests[1:]
        return TransferReport(
            done=1,
            documents=0,
            written=0,
            unchanged=0,
            superseded=0,
            rejected=[],
            rejected_records=[],
            rejected_documents=[],
            remaining=Remaining(requests=left) if left else None,
            stopped=None,
            counters={"source.requests": 1},
        )


def run(pipeline: Once, store: Store) -> dict[str, Any]:
    made: Any = lambda: pipeline  # noqa: E731 - a factory of no type
    operator = RowcastOperator(
        task_id="t",
        source={"url": "https://a/{id}"},
        table={"name": "t"},
        chunk=[{"id": 0}, {"id": 1}],
        pipeline=made,
    )
    context: Any = {"task_state_store": store}
    return operator.execute(context)


def test_a_task_goes_on_after_a_failure_and_begins_anew_after_success() -> None:
    pipeline, store = Once(Unavailable("down")), Store()
    with pytest.raises(Unavailable):
        run(pipeline, store)
    assert run(pipeline, store)["tally"]["done"] == 2
    # Somebody clears the task, so that it runs again.
    assert run(pipeline, store)["tally"]["done"] == 2
    both, second = [Request(0), Request(1)], [Request(1)]
    assert pipeline.asked == [both, second, second, both, second]


def test_permanent_failures_fail_whatever_the_policy() -> None:
    with pytest.raises(AirflowFailException, match="no"):
        run(Once(PermanentDenied("no")), Store())


def outcome(tally: Tally, *reasons: str) -> dict[str, Any]:
    return {"tally": tally.as_dict(), "reasons": list(reasons)}


def test_counts_of_all_chunks() -> None:
    found = closed([outcome(TALLY), outcome(TALLY)], 0)
    assert found["tally"] == (TALLY + TALLY).as_dict()
    rejected = Tally(rows=1, planned=1, rejected=1)
    assert closed([outcome(TALLY), outcome(rejected, "gone")], 1)["reasons"] == ["gone"]
    many = closed([outcome(rejected, *map(str, range(15)))] * 2, 2)["reasons"]
    assert many == [*map(str, range(15)), *map(str, range(5))]
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
    given = dag.get_task("top_tracks").partial_kwargs
    assert given["retries"] == 20
    # What Airflow stores of them has no credentials.
    assert isinstance(given["source"], Settings)
