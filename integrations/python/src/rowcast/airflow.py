"""Chunks of rows → mapped Airflow tasks, one transfer each, on any worker.

Airflow's own mechanisms do the rest: dynamic task mapping spreads the chunks, a
retry policy waits as long as the source asked for, and the task state store
keeps what of a chunk is finished, so that a retry asks only for the remainder.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from airflow.sdk import BaseOperator, Connection, RetryDecision, RetryPolicy, task
from airflow.sdk.exceptions import AirflowFailException

from rowcast.credentials import ENDPOINTS, REGIONS, Credentials, of_process
from rowcast.failure import PermanentFailure, PermanentInvalid, RateLimited
from rowcast.pipeline import Pipeline
from rowcast.settings import Given, Settings
from rowcast.tally import Tally, UnbalancedError
from rowcast.transfer import REASONS_KEPT, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow.sdk import Context
    from airflow.sdk.definitions.xcom_arg import XComArg
    from airflow.sdk.execution_time.context import TaskStateStoreAccessor

    from rowcast.document import Row

Read: TypeAlias = "Callable[[Any], Iterable[Row]]"
"""A chunk's description → its rows, on the worker."""

PROGRESS = "rowcast_progress"
"""The key in the task state store."""

SPREAD = 0.1
"""Waits are up to this much longer, so that not all chunks return at once."""

ELSEWHERE = ("aws_access_key_id", "profile_name", "role_arn")
"""Extras of an AWS connection that lead to credentials other than login and password."""

LONGEST_WAIT = timedelta(days=365)
"""Some sources send a moment in place of a duration, which no date can be reached by."""

KEEP_FOR = timedelta(days=7)
"""How long the progress of a chunk that never finished is kept."""


class FailureRetryPolicy(RetryPolicy):
    """Rate limits are waited out, permanent failures aren't repeated.

    Everything else is retried as the task's own `retry_delay` says. A worker's
    slot is free while a task waits.
    """

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002 - the interface's
        max_tries: int,  # noqa: ARG002
        context: Context | None = None,  # noqa: ARG002
    ) -> RetryDecision:
        """What Airflow is to do about a failure."""
        match exception:
            case RateLimited():
                spread = 1 + SPREAD * random.random()  # noqa: S311 - no secret
                seconds = min(exception.retry_after, LONGEST_WAIT.total_seconds())
                delay = timedelta(seconds=seconds * spread)
                return RetryDecision.retry(delay, str(exception))
            case PermanentFailure() | UnbalancedError():
                return RetryDecision.fail(str(exception))
            case _:
                return RetryDecision.default()


RETRIES: dict[str, Any] = {
    "retries": 20,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": FailureRetryPolicy(),
}
"""For `partial` and `@task`. Every wait for a rate limit counts as a retry."""


class RowcastOperator(BaseOperator):
    """Transfers one chunk; `expand(chunk=…)` makes one for each.

    `chunk` is the chunk's rows, or what `read` makes them of on the worker: a
    range of keys, a file's name. Rows that are passed between tasks are kept in
    Airflow's database, so `read` is for where there are many.

    `source` and `table` are settings. Airflow stores what `partial` is given, and
    shows it; of `Settings` it's all but credentials, of a mapping everything.

    Secrets stay out of the DAG: `source_conn_id` names the connection with the
    source's credentials, `aws_conn_id` one with DynamoDB's. Without the latter
    they come from the worker's environment, or from what `pipeline` makes.
    """

    ui_color = "#e8f0d8"

    # Not `template_fields`: rows and URL templates hold braces of their own, and
    # rows can hold anything, which must never be run as a template.

    def __init__(
        self,
        *,
        source: Given,
        table: Given,
        chunk: Any,
        read: Read | None = None,
        source_conn_id: str | None = None,
        aws_conn_id: str | None = None,
        pipeline: Callable[[], Pipeline] | None = None,
        budget: timedelta = timedelta(minutes=1),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = Settings.of(source)
        self.table = Settings.of(table)
        self.chunk = chunk
        self.read = read
        self.source_conn_id = source_conn_id
        self.aws_conn_id = aws_conn_id
        self.pipeline = pipeline
        self.budget = budget

    def execute(self, context: Context) -> dict[str, Any]:
        """The chunk's counts and the first reasons of its rejections."""
        rows = self.chunk if self.read is None else self.read(self.chunk)
        try:
            return self._transfer(rows, context["task_state_store"])
        except (PermanentFailure, UnbalancedError) as error:
            # Not left to the policy alone: whoever sets another means rate limits.
            raise AirflowFailException(str(error)) from error

    def _transfer(self, rows: Iterable[Row], store: TaskStateStoreAccessor) -> dict[str, Any]:
        transfer = Transfer.of(
            self._pipeline(),
            self._source(),
            self.table,
            rows,
            budget_ms=round(self.budget.total_seconds() * 1000),
        )
        if transfer.resume(cast("dict[str, Any] | None", store.get(PROGRESS))):
            held = transfer.progress.tally
            self.log.info(
                "Going on with %d of %d requests, %d documents to write",
                held.pending,
                held.planned,
                held.pending_documents,
            )

        def keep(transfer: Transfer) -> None:
            store.set(PROGRESS, transfer.state(), retention=KEEP_FOR)

        tally = transfer.run(keep)
        # Airflow keeps it beyond success, and a task that is cleared is to run again.
        store.delete(PROGRESS)
        for reason in transfer.progress.reasons:
            self.log.warning("Rejected: %s", reason)
        self.log.info("Finished: %s", tally)
        return {"tally": tally.as_dict(), "reasons": list(transfer.progress.reasons)}

    def _source(self) -> Settings:
        if self.source_conn_id is None:
            return self.source
        return self.source.with_auth(auth_of(Connection.get(self.source_conn_id)))

    def _pipeline(self) -> Pipeline:
        if self.pipeline is not None:
            return self.pipeline()
        if self.aws_conn_id is None:
            return Pipeline()
        credentials, variables = aws_of(Connection.get(self.aws_conn_id))
        return Pipeline(environment=of_process() | variables, credentials=credentials)


def transfer(
    *,
    task_id: str,
    chunks: XComArg | list[Any],
    source: Given,
    table: Given,
    most_rejected: int = 0,
    **settings: Any,
) -> XComArg:
    """One mapped task for each chunk, and one that adds up and closes the counts.

    `settings` are `RowcastOperator`'s and every operator's: `pool` bounds how
    many chunks ask the source at once, on all workers together.
    """
    settings = RETRIES | settings
    chunked = RowcastOperator.partial(
        task_id=task_id, source=Settings.of(source), table=Settings.of(table), **settings
    )
    return close.override(task_id=f"{task_id}_counts")(
        chunked.expand(chunk=chunks).output, most_rejected
    )


# Of several outputs each would be stored twice.
@task(multiple_outputs=False)
def close(outcomes: Any, most_rejected: int = 0) -> dict[str, Any]:
    """The counts of all chunks; fails if they don't add up, or too much was rejected."""
    return closed(outcomes, most_rejected)


def closed(outcomes: Iterable[dict[str, Any]], most_rejected: int) -> dict[str, Any]:
    """What the task `close` answers."""
    held = list(outcomes)
    reasons = [reason for outcome in held for reason in outcome["reasons"]][:REASONS_KEPT]
    try:
        tally = Tally.total(Tally.of_dict(outcome["tally"]) for outcome in held).close()
    except UnbalancedError as error:
        raise AirflowFailException(str(error)) from error
    if tally.rejections > most_rejected:
        shown = "\n".join(reasons)
        raise AirflowFailException(
            f"{tally.rejections} rejected, {most_rejected} allowed:\n{shown}\n{tally}"
        )
    return {"tally": tally.as_dict(), "reasons": reasons}


def auth_of(connection: Connection) -> dict[str, Any] | None:
    """Client credentials if the extra names a `token_url`, basic if there is a login.

    What a source's settings say as `auth`.
    """
    extra = connection.extra_dejson
    if (token_url := extra.get("token_url")) is not None:
        return {
            "type": "client-credentials",
            "token_url": token_url,
            "client_id": connection.login or "",
            "client_secret": connection.password or "",
            "scope": extra.get("scope", ""),
        }
    if connection.login:
        password = connection.password or ""
        return {"type": "basic", "username": connection.login, "password": password}
    return {"type": "bearer", "token": connection.password} if connection.password else None


def aws_of(connection: Connection) -> tuple[Credentials | None, dict[str, str]]:
    """Key and variables of a connection as Airflow's AWS provider writes them."""
    extra = connection.extra_dejson
    for name in filter(extra.get, ELSEWHERE):
        # Others than those that the connection means would write, or nobody.
        raise PermanentInvalid(
            f"read the connection `{connection.conn_id}`: `{name}` isn't followed here; give the"
            " operator `pipeline=…` that makes `Pipeline(credentials=of_session(…))`"
        )
    named = {REGIONS[0]: extra.get("region_name"), ENDPOINTS[0]: extra.get("endpoint_url")}
    variables = {name: held for name, held in named.items() if held}
    if not connection.login:
        return None, variables
    token = extra.get("aws_session_token")
    return Credentials(connection.login, connection.password or "", token), variables
