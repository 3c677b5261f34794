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
from rowcast import source as sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from _typeshed import DataclassInstance

Held = TypeVar("Held")


def source(value: sources.Source) -> Record:
    """`record source`."""
    return _record(
        value,
        headers=_fields(value.headers),
        matrix=[_new(name=name, values=list(held)) for name, held in value.matrix.items()],
        attributes=_fields(value.attributes),
        require=list(value.require),
        auth=_auth(value.auth),
        pagination=_pagination(value.pagination),
        retry=_plain(value.retry),
    )


def table(value: sources.Table) -> Record:
    """`record table`."""
    return _record(value, keys=_keys(value.keys), retry=_plain(value.retry))


def question(value: sources.Question) -> Record:
    """`record question`."""
    return _record(value, select=list(value.select), retry=_plain(value.retry))


def cells(value: Iterable[sources.Cell] | None) -> list[Record] | None:
    """`option<list<cell>>`."""
    return None if value is None else [_plain(cell) for cell in value]


def extraction(value: Any) -> outcome.Extraction:
    """`record extraction`."""
    return outcome.Extraction(
        documents=value.documents,
        done=_list(value.done, _done),
        rejected=_list(value.rejected, _rejected_cell),
        rejected_records=_list(_get(value, "rejected-records"), _rejected_record),
        pending=_list(value.pending, _cell),
        stopped=_stop(value.stopped),
        requests=value.requests,
        retries=value.retries,
        token_requests=_get(value, "token-requests"),
    )


def report(value: Any) -> outcome.Report:
    """`record report`."""
    return outcome.Report(
        written=value.written,
        superseded=_list(value.superseded, lambda one: _read(outcome.SupersededDocument, one)),
        rejected=_list(value.rejected, lambda one: _read(outcome.RejectedDocument, one)),
        pending=value.pending,
        stopped=_stop(value.stopped),
        capacity=value.capacity,
        requests=value.requests,
        retries=value.retries,
    )


def answer(value: Any) -> outcome.Answer:
    """`record answer`."""
    return _read(outcome.Answer, value)


def explanation(value: Any) -> outcome.Explanation:
    """`record explanation`."""
    return outcome.Explanation(
        findings=_list(value.findings, lambda one: _read(outcome.Finding, one)),
        scanned=value.scanned,
        complete=value.complete,
        capacity=value.capacity,
    )


def failure(value: Variant) -> failures.Failure:
    """`variant failure`."""
    held: Any = value.payload
    match value.tag:
        case "unavailable":
            return failures.Unavailable(held)
        case "rate-limited":
            return failures.RateLimited(held.reason, _get(held, "retry-after-ms"))
        case "permanent-invalid":
            return failures.PermanentInvalid(held)
        case "permanent-denied":
            return failures.PermanentDenied(held)
        case other:
            return failures.ExecutionFailed(f"the component answered `{other}`")


def _auth(value: sources.Auth) -> Variant:
    match value:
        case None:
            return Variant("none")
        case sources.Bearer(token):
            return Variant("bearer", token)
        case sources.Basic():
            return Variant("basic", _plain(value))
        case sources.ClientCredentials():
            return Variant("client-credentials", _plain(value))


def _pagination(value: sources.Pagination) -> Variant:
    match value:
        case None:
            return Variant("none")
        case sources.NextUrl(pointer):
            return Variant("next-url", pointer)
        case sources.CursorPagination():
            return Variant("cursor", _plain(value))
        case sources.LinkHeader():
            return Variant("link-header")


def _keys(value: sources.KeySchema | None) -> Record | None:
    if value is None:
        return None
    sort = None if value.sort is None else _plain(value.sort)
    return _new(partition=_plain(value.partition), sort=sort)


def _stop(value: Variant | None) -> outcome.Stop | None:
    if value is None:
        return None
    held: Any = value.payload
    match value.tag:
        case "budget":
            return outcome.StoppedByBudget()
        case "rate-limited":
            return _read(outcome.StoppedByRateLimit, held)
        case "denied":
            return outcome.StoppedByDenial(held)
        case "unavailable":
            return outcome.StoppedByOutage(held)
        case other:
            raise ValueError(f"read why a call stopped: `{other}` is not in this WIT")


def _cell(value: Any) -> sources.Cell:
    return sources.Cell(value.row, value.combination)


def _done(value: Any) -> outcome.DoneCell:
    return outcome.DoneCell(cell=_cell(value.cell), documents=value.documents)


def _rejected_cell(value: Any) -> outcome.RejectedCell:
    return outcome.RejectedCell(
        cell=_cell(value.cell), kind=value.kind, status=value.status, reason=value.reason
    )


def _rejected_record(value: Any) -> outcome.RejectedRecord:
    return outcome.RejectedRecord(
        cell=_cell(value.cell),
        index=value.index,
        kind=value.kind,
        path=value.path,
        reason=value.reason,
    )


def _list(values: Iterable[Any], read: Callable[[Any], Held]) -> list[Held]:
    return [read(value) for value in values]


def _fields(values: Mapping[str, str]) -> list[Record]:
    return [_new(name=name, value=value) for name, value in values.items()]


def _plain(value: DataclassInstance) -> Record:
    """A record whose members are all passed as they are."""
    return _record(value)


def _record(value: DataclassInstance, **converted: object) -> Record:
    members = {field.name: getattr(value, field.name) for field in fields(value)}
    return _new(**(members | converted))


def _new(**members: object) -> Record:
    record = Record()
    for name, value in members.items():
        setattr(record, _in_wit(name), value)
    return record


def _read(kind: type[Held], value: object) -> Held:
    """A record whose members are all taken as they are."""
    members = {field.name: _get(value, _in_wit(field.name)) for field in fields(cast("Any", kind))}
    return kind(**members)


def _get(value: object, name: str) -> Any:
    return getattr(value, name)


def _in_wit(name: str) -> str:
    return name.replace("_", "-")
