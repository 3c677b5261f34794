"""This package's classes ↔ the values that wasmtime-py passes to a component.

wasmtime-py has `Record` for every record, with members named as in the WIT, and
`Variant` for those variants whose cases can't be told apart by their Python type.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar, cast

from wasmtime.component import Record, Variant

from rowcast import failure as failures
from rowcast import outcome
from rowcast.failure import ComponentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Held = TypeVar("Held")


def pending(values: Iterable[outcome.PendingRequest] | None) -> list[Record] | None:
    """`option<list<pending-request>>`."""
    if values is None:
        return None
    return [_new(request=_request_out(one.request), resume=one.resume) for one in values]


def remaining(value: outcome.Remaining | None) -> Record | None:
    """`option<remaining>`."""
    if value is None:
        return None
    documents = [
        _new(request=_request_out(one.request), document=one.document) for one in value.documents
    ]
    return _new(requests=pending(value.requests), documents=documents)


def extraction(value: Any) -> outcome.Extraction:
    """`record extraction`."""
    return outcome.Extraction(
        documents=value.documents,
        done=_list(outcome.DoneRequest, value.done),
        rejected=_list(outcome.RejectedRequest, value.rejected),
        rejected_records=_list(outcome.RejectedRecord, _get(value, "rejected-records")),
        pending=_list(outcome.PendingRequest, value.pending),
        stopped=_stop(value.stopped),
        counters=_counters(value.counters),
    )


def report(value: Any) -> outcome.Report:
    """`record report`."""
    return outcome.Report(
        written=value.written,
        unchanged=value.unchanged,
        superseded=_list(outcome.SupersededDocument, value.superseded),
        rejected=_list(outcome.RejectedDocument, value.rejected),
        pending=value.pending,
        stopped=_stop(value.stopped),
        counters=_counters(value.counters),
    )


def transfer_report(value: Any) -> outcome.TransferReport:
    """`record transfer-report`."""
    left = value.remaining
    return outcome.TransferReport(
        done=value.done,
        documents=value.documents,
        written=value.written,
        unchanged=value.unchanged,
        superseded=value.superseded,
        rejected=_list(outcome.RejectedRequest, value.rejected),
        rejected_records=_list(outcome.RejectedRecord, _get(value, "rejected-records")),
        rejected_documents=_list(outcome.RefusedDocument, _get(value, "rejected-documents")),
        remaining=None
        if left is None
        else outcome.Remaining(
            requests=tuple(_list(outcome.PendingRequest, left.requests)),
            documents=tuple(_list(outcome.PendingDocument, left.documents)),
        ),
        stopped=_stop(value.stopped),
        counters=_counters(value.counters),
    )


def page(value: Any) -> outcome.Page:
    """`record page`."""
    return _read(outcome.Page, value)


def explanation(value: Any) -> outcome.Explanation:
    """`record explanation`."""
    return outcome.Explanation(
        diagnoses=_list(outcome.Diagnosis, value.diagnoses),
        scanned=value.scanned,
        complete=value.complete,
        counters=_counters(value.counters),
    )


def mistakes(value: Any) -> list[outcome.Mistake]:
    """`list<mistake>`."""
    return _list(outcome.Mistake, value)


def failure(value: Variant) -> failures.Failure:
    """`variant failure`."""
    held: Any = value.payload
    match value.tag:
        case "unavailable":
            return failures.Unavailable(held.reason, _counters(held.counters))
        case "rate-limited":
            return failures.RateLimited(
                held.reason,
                _get(held, "retry-after-ms"),
                held.upstream,
                _counters(held.counters),
            )
        case "permanent-invalid":
            return failures.PermanentInvalid(held.reason, _counters(held.counters))
        case "permanent-denied":
            return failures.PermanentDenied(held.reason, _counters(held.counters))
        case other:
            return failures.ExecutionFailed(f"the component answered `{other}`")


def _stop(value: Variant | None) -> outcome.Stop | None:
    if value is None:
        return None
    held: Any = value.payload
    match value.tag:
        case "budget":
            return outcome.StoppedByBudget()
        case "rate-limited":
            return _read(outcome.StoppedByRateLimit, held)
        case "unavailable":
            return _read(outcome.StoppedByOutage, held)
        case "denied":
            return _read(outcome.StoppedByDenial, held)
        case "invalid":
            return _read(outcome.StoppedByInvalid, held)
        case other:
            raise ComponentError(f"read why a call stopped: `{other}` is not in this WIT")


def _request_out(value: outcome.Request) -> Record:
    return _new(row=value.row, combination=value.combination)


def _request(value: Any) -> outcome.Request:
    return outcome.Request(value.row, value.combination)


def _counters(values: Iterable[Any]) -> outcome.Counters:
    return {one.name: one.value for one in values}


CONVERTED: dict[str, Callable[[Any], object]] = {"request": _request, "counters": _counters}
"""Members that are read wherever they are; others are taken as they are."""


def _list(kind: type[Held], values: Iterable[object]) -> list[Held]:
    return [_read(kind, value) for value in values]


def _read(kind: type[Held], value: object) -> Held:
    """A record with the members of a dataclass."""
    members = {}
    for field in fields(cast("Any", kind)):
        held = _get(value, field.name.replace("_", "-"))
        convert = CONVERTED.get(field.name)
        members[field.name] = held if convert is None else convert(held)
    return kind(**members)


def _new(**members: object) -> Record:
    record = Record()
    for name, value in members.items():
        setattr(record, name, value)
    return record


def _get(value: object, name: str) -> Any:
    return getattr(value, name)
