"""Rows in, records out: the Rowcast pipeline component, in process.

    pipeline = Pipeline()
    extraction = pipeline.extract(Source(url="https://…/{id}"), [{"id": 1}])
    report = pipeline.load(Table(name="records"), extraction.documents)

`rowcast.airflow` spreads chunks of rows over Airflow's workers.
"""

from rowcast.credentials import Credentials, of_session
from rowcast.document import Row, parse, text
from rowcast.engine import Limits
from rowcast.failure import (
    ComponentError,
    ExecutionFailed,
    Failure,
    PermanentDenied,
    PermanentFailure,
    PermanentInvalid,
    RateLimited,
    RowcastError,
    Unavailable,
)
from rowcast.outcome import (
    Answer,
    DoneCell,
    Explanation,
    Extraction,
    Finding,
    RejectedCell,
    RejectedDocument,
    RejectedRecord,
    Report,
    Stop,
    StoppedByBudget,
    StoppedByDenial,
    StoppedByOutage,
    StoppedByRateLimit,
    SupersededDocument,
)
from rowcast.pipeline import Pipeline
from rowcast.source import (
    Auth,
    Basic,
    Bearer,
    Cell,
    ClientCredentials,
    CursorPagination,
    KeyAttribute,
    KeySchema,
    LinkHeader,
    NextUrl,
    Pagination,
    Question,
    Retry,
    Source,
    Table,
)
from rowcast.tally import Tally, UnbalancedError
from rowcast.transfer import Progress, Transfer

__all__ = [
    "Answer",
    "Auth",
    "Basic",
    "Bearer",
    "Cell",
    "ClientCredentials",
    "ComponentError",
    "Credentials",
    "CursorPagination",
    "DoneCell",
    "ExecutionFailed",
    "Explanation",
    "Extraction",
    "Failure",
    "Finding",
    "KeyAttribute",
    "KeySchema",
    "Limits",
    "LinkHeader",
    "NextUrl",
    "Pagination",
    "PermanentDenied",
    "PermanentFailure",
    "PermanentInvalid",
    "Pipeline",
    "Progress",
    "Question",
    "RateLimited",
    "RejectedCell",
    "RejectedDocument",
    "RejectedRecord",
    "Report",
    "Retry",
    "Row",
    "RowcastError",
    "Source",
    "Stop",
    "StoppedByBudget",
    "StoppedByDenial",
    "StoppedByOutage",
    "StoppedByRateLimit",
    "SupersededDocument",
    "Table",
    "Tally",
    "Transfer",
    "Unavailable",
    "UnbalancedError",
    "of_session",
    "parse",
    "text",
]
