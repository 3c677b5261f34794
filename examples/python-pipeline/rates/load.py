"""Documents → DynamoDB by BatchWriteItem, each of them accounted for."""

import json
from dataclasses import dataclass, field
from decimal import InvalidOperation

from wit_world import exports
from wit_world.exports import load as wit
from wit_world.imports import rowcast_pipeline_types as types

import pacing
import settings
from calls import Body, Denied, Patience, Refusal, Repeat, units
from documents import Typed, comparable, item, read
from failures import end

MOST_PUTS = 25
UNIT_BYTES = 1024

type Key = tuple[object, ...]


@dataclass
class Put:
    index: int
    key: Key
    item: Typed
    # Write units at most.
    units: int
    # Earlier documents with this key, the latest last. They are superseded once
    # this one is written, as pending as it is, and take its place if it's refused.
    earlier: list["Put"] = field(default_factory=list)


type Batch = list[Put]


class Load(exports.Load):
    def load(self, table: str, documents: list[str], budget_ms: int | None) -> wit.Report:
        return Loading(read_table(table), budget_ms).load(documents)


def read_table(text: str) -> settings.Table:
    mistakes: settings.Mistakes = []
    table = settings.table(text, mistakes)
    if table is None or mistakes:
        raise settings.refused("table", mistakes)
    return table


class Loading:
    """Each document is in one of the report's lists, or was written."""

    def __init__(self, table: settings.Table, budget_ms: int | None) -> None:
        self.table = table
        self.patience = Patience(table.name, table.retry, budget_ms)
        self.report = wit.Report(0, 0, [], [], [], None, [])
        self.capacity = 0.0

    def load(self, documents: list[str]) -> wit.Report:
        # Nothing to write needs no keys.
        self.keys = self.schema() if documents else []
        puts = self.puts(documents)
        fresh = [puts[at : at + MOST_PUTS] for at in range(0, len(puts), MOST_PUTS)]
        again: list[Batch] = []
        while (again or fresh) and self.report.stopped is None and self.patience.lasts():
            repeated, again = split(again, self.table.concurrency)
            new, fresh = split(fresh, self.table.concurrency - len(repeated))
            granted, wait_ms = self.granted(repeated + new)
            # What the pace has no place for is next.
            again = repeated[granted:] + again
            fresh = new[max(0, granted - len(repeated)) :] + fresh
            if granted == 0:
                self.patience.rest(wait_ms)
                continue
            self.patience.retries += min(granted, len(repeated))
            again += self.round((repeated + new)[:granted])
        waiting = [put for batch in again + fresh for put in batch]
        left = sorted(put.index for one in waiting for put in (one, *one.earlier))
        if left and self.report.stopped is None:
            self.report.stopped = self.patience.stop()
        if left and not self.report.written and not self.report.rejected:
            end(self.report.stopped, self.counters())
        # In the order of the documents, whichever was settled first.
        self.report.rejected.sort(key=lambda one: one.index)
        self.report.superseded.sort(key=lambda one: one.index)
        self.report.pending = left
        self.report.counters = self.counters()
        return self.report

    def counters(self) -> list[types.Counter]:
        return self.patience.counters(dynamodb_write_capacity=self.capacity)

    def granted(self, batches: list[Batch]) -> tuple[int, int]:
        """How many of them may be sent now, and if none, how long to wait."""
        for count, batch in enumerate(batches):
            wait_ms = pacing.reserve(self.table.upstream(), cost(batch))
            if wait_ms > 0:
                return count, wait_ms
        return len(batches), 0

    def schema(self) -> list[tuple[str, str]]:
        """The keys' names and types: the caller's, or as DynamoDB tells them."""
        if self.table.keys is not None:
            return self.table.keys
        table = self.patience.ask("DescribeTable", {"TableName": self.table.name})["Table"]
        kinds = {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]}
        names = [part["AttributeName"] for part in table["KeySchema"]]
        return [(name, kinds[name]) for name in names]

    def puts(self, documents: list[str]) -> list[Put]:
        """Of several documents with one key the last, which knows the others."""
        kept: dict[Key, Put] = {}
        for index, text in enumerate(documents):
            put = self.put(index, text)
            if put is not None:
                if before := kept.pop(put.key, None):
                    put.earlier, before.earlier = [*before.earlier, before], []
                kept[put.key] = put
        return list(kept.values())

    def put(self, index: int, text: str) -> Put | None:
        try:
            document = read(text)
            if not isinstance(document, dict):
                raise ValueError("it is not a JSON object")
            typed = item(document)
        except ValueError as error:
            return self.reject(index, "", f"the document can't be read: {error}")
        key: list[object] = []
        for name, kind in self.keys:
            if kind == "B" and "S" in typed.get(name, {}):
                typed[name] = {"B": typed[name]["S"]}
            value = typed.get(name, {})
            if not value.get(kind):
                return self.reject(index, f"/{name}", f"the key must be of the type {kind}")
            try:
                key.append(comparable(value))
            except InvalidOperation:
                return self.reject(index, f"/{name}", "the key is not a number")
        bytes_at_most = len(json.dumps(typed))
        return Put(index, tuple(key), typed, -(-bytes_at_most // UNIT_BYTES))

    def reject(
        self,
        index: int,
        path: str,
        reason: str,
        kind: types.RejectionKind = types.RejectionKind.ITEM,
    ) -> None:
        self.report.rejected.append(wit.RejectedDocument(index, kind, path, reason))

    def round(self, batches: list[Batch]) -> list[Batch]:
        """Sends batches at once; answers what must be sent again."""
        name = self.table.name
        bodies = [
            {
                "RequestItems": {name: [{"PutRequest": {"Item": put.item}} for put in batch]},
                "ReturnConsumedCapacity": "TOTAL",
            }
            for batch in batches
        ]
        again: list[Batch] = []
        failure: Repeat | None = None
        got_on = False
        for batch, answer in zip(batches, self.patience.send("BatchWriteItem", bodies)):
            accepted = refused = 0
            match answer:
                case Repeat():
                    failure = answer
                    again.append(batch)
                    refused = cost(batch) if answer.throttled else 0
                case Refusal(one_items=True) if len(batch) > 1:
                    # One item brings it upon all: halves tell which.
                    again += split(batch, len(batch) // 2)
                    got_on = True
                case Refusal(reason, one_items=True, too_large=too_large):
                    [put] = batch
                    kind = types.RejectionKind.TOO_LARGE if too_large else types.RejectionKind.ITEM
                    self.reject(put.index, "", reason, kind)
                    if put.earlier:
                        *before, successor = put.earlier
                        successor.earlier = before
                        again.append([successor])
                    got_on = True
                case Refusal(reason):
                    self.report.stopped = types.Stop_Invalid(self.patience.because(reason))
                    again.append(batch)
                case Denied(reason):
                    self.report.stopped = types.Stop_Denied(self.patience.because(reason))
                    again.append(batch)
                case body:
                    left = self.unprocessed(batch, body)
                    self.written(batch, left)
                    refused = cost(left)
                    accepted = cost(batch) - refused
                    got_on = got_on or len(left) < len(batch)
                    if left:
                        failure = Repeat("DynamoDB leaves writes unprocessed", throttled=True)
                        again.append(left)
            pacing.report(self.table.upstream(), accepted, refused)
        if failure is None:
            self.patience.failures = 0
        elif self.report.stopped is None:
            self.patience.wait(failure, got_on)
        return again

    def written(self, batch: Batch, left: Batch) -> None:
        """All of the batch but what is left."""
        unwritten = {put.index for put in left}
        for put in batch:
            if put.index not in unwritten:
                self.report.written += 1
                self.report.superseded += [
                    wit.SupersededDocument(before.index, put.index) for before in put.earlier
                ]

    def unprocessed(self, batch: Batch, body: Body) -> Batch:
        self.capacity += sum(map(units, body.get("ConsumedCapacity") or []))
        returned = (body.get("UnprocessedItems") or {}).get(self.table.name, [])
        items = [request["PutRequest"]["Item"] for request in returned]
        keys = {tuple(comparable(one[name]) for name, _ in self.keys) for one in items}
        left = [put for put in batch if put.key in keys]
        # Where it can't be told which they are, all are: writing twice does no harm.
        return left if len(left) == len(keys) else batch


def cost(puts: Batch) -> int:
    return sum(put.units for put in puts)


def split[One](some: list[One], at: int) -> tuple[list[One], list[One]]:
    return some[:at], some[at:]
