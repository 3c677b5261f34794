"""Rows in, records out: the Rowcast pipeline component, in process.

    pipeline = Pipeline()
    extraction = pipeline.extract({"url": "https://…/{id}"}, [{"id": 1}])
    report = pipeline.load({"name": "records"}, extraction.documents)

`Transfer` does both until nothing remains; `rowcast.airflow` spreads chunks of rows
over Airflow's workers.
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
    Diagnosis,
    DoneRequest,
    Explanation,
    Extraction,
    Mistake,
    Page,
    PendingDocument,
    PendingRequest,
    RefusedDocument,
    RejectedDocument,
    RejectedRecord,
    RejectedRequest,
    Remaining,
    Report,
    Request,
    Stop,
    StoppedByBudget,
    StoppedByDenial,
    StoppedByInvalid,
    StoppedByOutage,
    StoppedByRateLimit,
    SupersededDocument,
    TransferReport,
)
from rowcast.pipeline import Pipeline
from rowcast.settings import Settings
from rowcast.tally import Tally, UnbalancedError
from rowcast.transfer import Progress, Transfer

__all__ = [
    "ComponentError",
    "Credentials",
    "Diagnosis",
    "DoneRequest",
    "ExecutionFailed",
    "Explanation",
    "Extraction",
    "Failure",
    "Limits",
    "Mistake",
    "Page",
    "PendingDocument",
    "PendingRequest",
    "PermanentDenied",
    "PermanentFailure",
    "PermanentInvalid",
    "Pipeline",
    "Progress",
    "RateLimited",
    "RefusedDocument",
    "RejectedDocument",
    "RejectedRecord",
    "RejectedRequest",
    "Remaining",
    "Report",
    "Request",
    "Row",
    "RowcastError",
    "Settings",
    "Stop",
    "StoppedByBudget",
    "StoppedByDenial",
    "StoppedByInvalid",
    "StoppedByOutage",
    "StoppedByRateLimit",
    "SupersededDocument",
    "Tally",
    "Transfer",
    "TransferReport",
    "Unavailable",
    "UnbalancedError",
    "of_session",
    "parse",
    "text",
]
