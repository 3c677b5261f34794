"""Rows → requests → documents → items, in one call: what `extract` makes is
loaded here, so that no document crosses."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import extract, load
from wit_world.exports import transfer as wit
from wit_world.imports import rowcast_pipeline_types as types

import web
from extract import Call, read_source
from failures import added, as_stop, with_counters
from load import Loading, read_table

# The part of the budget that is kept for writing: a fourth. It has what the
# requests leave, too.
WRITING_SHARE = 4
# Which of two reasons a caller should act on: the later.
GRAVITY = (
    types.Stop_Budget,
    types.Stop_Unavailable,
    types.Stop_RateLimited,
    types.Stop_Denied,
    types.Stop_Invalid,
)


class Transfer(exports.Transfer):
    def transfer(
        self,
        source: str,
        table: str,
        rows: list[str],
        remaining: wit.Remaining | None,
        budget_ms: int | None,
    ) -> wit.TransferReport:
        origin, destination = read_source(source), read_table(table)
        began_ms = web.now_ms()
        only = None if remaining is None else remaining.requests
        left = [] if remaining is None else remaining.documents
        share_ms = None if budget_ms is None else budget_ms - budget_ms // WRITING_SHARE
        failed = False
        try:
            extraction = Call(origin, rows, share_ms).extract(only)
        except Err as error:
            if not left:
                raise
            # What an earlier call extracted can be written all the same.
            failed = True
            stop, took = as_stop(error.value, origin.origin())
            extraction = extract.Extraction([], [], [], [], list(only or []), stop, took)
        waiting = in_order(left, extraction)
        texts = [one.document for one in waiting]
        rest_ms = None
        if budget_ms is not None:
            rest_ms = max(0, began_ms + budget_ms - web.now_ms())
        try:
            report = Loading(destination, rest_ms).load(texts)
        except Err as error:
            if not (extraction.done or extraction.rejected or failed):
                raise Err(with_counters(error.value, extraction.counters)) from None
            # Requests that were answered are an achievement: they aren't repeated.
            stop, took = as_stop(error.value, destination.upstream())
            pending = list(range(len(texts)))
            report = load.Report(0, 0, [], [], pending, stop, took)
        return summed(extraction, report, waiting)


def in_order(
    left: list[wit.PendingDocument], extraction: extract.Extraction
) -> list[wit.PendingDocument]:
    """The documents to write, by row and combination."""
    waiting, documents = list(left), iter(extraction.documents)
    for done in extraction.done:
        waiting += [
            wit.PendingDocument(done.request, next(documents)) for _ in range(done.documents)
        ]
    # Stable: documents of one request keep their order.
    return sorted(waiting, key=lambda one: (one.request.row, one.request.combination))


def summed(
    extraction: extract.Extraction, report: load.Report, waiting: list[wit.PendingDocument]
) -> wit.TransferReport:
    rejected = [
        wit.RejectedDocument(
            waiting[one.index].request, one.kind, one.path, one.reason, waiting[one.index].document
        )
        for one in report.rejected
    ]
    remaining = wit.Remaining(extraction.pending, [waiting[at] for at in report.pending])
    return wit.TransferReport(
        done=len(extraction.done),
        documents=len(waiting),
        written=report.written,
        unchanged=report.unchanged,
        superseded=len(report.superseded),
        rejected=extraction.rejected,
        rejected_records=extraction.rejected_records,
        rejected_documents=rejected,
        remaining=remaining if remaining.requests or remaining.documents else None,
        stopped=graver(extraction.stopped, report.stopped),
        counters=added(extraction.counters, report.counters),
    )


def graver(one: types.Stop | None, other: types.Stop | None) -> types.Stop | None:
    """Among rate limits the longest."""

    def gravity(stop: types.Stop) -> tuple[int, int]:
        silent = stop.value.retry_after_ms if isinstance(stop, types.Stop_RateLimited) else 0
        return GRAVITY.index(type(stop)), silent

    return max((stop for stop in (one, other) if stop is not None), key=gravity, default=None)
