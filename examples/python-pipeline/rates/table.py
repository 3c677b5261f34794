"""Documents → DynamoDB, and conditions → documents, by `dynamodb.send`."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import InvalidOperation
from typing import Any

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.exports import load as wit
from wit_world.exports import query as ask
from wit_world.imports import dynamodb, monotonic_clock
from wit_world.imports import rowcast_pipeline_types as types

import web
from documents import Typed, comparable, from_dynamodb, is_object, item, read, write

MOST_PUTS = 25
THROTTLED = re.compile("Throttl|ThroughputExceeded|LimitExceeded|TooManyRequests")
ONE_ITEMS_FAULT = ("ValidationException", "ItemCollectionSizeLimitExceededException")
KINDS = {wit.KeyKind.TEXT: "S", wit.KeyKind.NUMBER: "N", wit.KeyKind.BYTES: "B"}
CONDITION = re.compile(
    r"\s*(?:`(?P<quoted>[^`]+)`|(?P<name>[A-Za-z_][A-Za-z0-9_]*))"
    r"\s*(?P<operator><>|<=|>=|=|<|>)"
    r"\s*(?:'(?P<text>(?:[^']|'')*)'|(?P<number>-?[0-9]+(?:\.[0-9]+)?))\s*"
)


# Verdicts on one answer: its body, or why there is none.
@dataclass
class Repeat:
    reason: str
    throttled: bool


@dataclass
class Refusal:
    reason: str
    one_items: bool = False


@dataclass
class Denied:
    reason: str


type Verdict = dict[str, Any] | Repeat | Refusal | Denied


def send(requests: list[tuple[str, dict[str, Any]]]) -> list[Verdict]:
    sent = [dynamodb.Request(name, json.dumps(body)) for name, body in requests]
    return [verdict(answer) for answer in dynamodb.send(sent)]


def verdict(answer: Ok[dynamodb.Response] | Err[dynamodb.SendError]) -> Verdict:
    match answer:
        case Err(dynamodb.SendError_Denied(reason) | dynamodb.SendError_Credentials(reason)):
            return Denied(reason)
        case Err(dynamodb.SendError_TooLarge(reason)):
            return Refusal(reason, one_items=True)
        case Err(other):
            return Repeat(other.value, throttled=False)
        case Ok(response):
            pass
    try:
        body = json.loads(response.body)
    except ValueError:
        body = {}
    if response.status == 200 and isinstance(body, dict):
        return body
    kind = str(body.get("__type", f"HTTP {response.status}")).rpartition("#")[2]
    reason = f"{kind}: {body.get('message') or body.get('Message') or 'no reason given'}"
    if THROTTLED.search(kind):
        return Repeat(reason, throttled=True)
    if response.status >= 500:
        return Repeat(reason, throttled=False)
    if kind in (*ONE_ITEMS_FAULT, "ResourceNotFoundException"):
        return Refusal(reason, kind in ONE_ITEMS_FAULT)
    return Denied(reason)


@dataclass
class Put:
    index: int
    key: tuple[object, ...]
    item: Typed


class Load(exports.Load):
    def load(self, table: wit.Table, documents: list[str], budget_ms: int | None) -> wit.Report:
        return Loading(table, budget_ms).load(documents)


class Loading:
    """Each document is in one of the report's lists, or was written."""

    def __init__(self, table: wit.Table, budget_ms: int | None) -> None:
        self.table = table
        self.patience = Patience(table.retry, budget_ms)
        self.report = wit.Report(0, [], [], [], None, 0.0, 0, 0)
        self.key: list[tuple[str, str]] = []

    def load(self, documents: list[str]) -> wit.Report:
        self.key = keys = self.keys()
        puts: dict[tuple[object, ...], Put] = {}
        for index, text in enumerate(documents):
            put = self.prepare(index, text, keys)
            if put is None:
                continue
            if (earlier := puts.pop(put.key, None)) is not None:
                self.report.superseded.append(wit.SupersededDocument(earlier.index, index))
            puts[put.key] = put
        all_puts = list(puts.values())
        batches = [all_puts[at : at + MOST_PUTS] for at in range(0, len(all_puts), MOST_PUTS)]
        while batches and self.report.stopped is None and self.patience.lasts():
            at_once = self.table.concurrency
            batches = self.round(batches[:at_once]) + batches[at_once:]
        self.report.pending = sorted(put.index for batch in batches for put in batch)
        if batches and self.report.stopped is None:
            self.report.stopped = self.patience.stop()
        if batches and not self.report.written:
            fail(self.report.stopped)
        return self.report

    def keys(self) -> list[tuple[str, str]]:
        if self.table.keys is None:
            return described(self.table.name, self.patience)
        parts = (self.table.keys.partition, self.table.keys.sort)
        return [(part.name, KINDS[part.kind]) for part in parts if part is not None]

    def prepare(self, index: int, text: str, keys: list[tuple[str, str]]) -> Put | None:
        try:
            document = read(text)
            if not is_object(document):
                raise ValueError("it is no JSON object")
        except ValueError as error:
            return self.reject(index, "", f"the document can't be read: {error}")
        typed = item(document)
        key: list[object] = []
        for name, kind in keys:
            if kind == "B" and "S" in typed.get(name, {}):
                typed[name] = {"B": typed[name]["S"]}
            value = typed.get(name, {})
            if not value.get(kind):
                return self.reject(index, f"/{name}", f"the key must be of the type {kind}")
            try:
                key.append(comparable(value))
            except InvalidOperation:
                return self.reject(index, f"/{name}", "the key is no number")
        return Put(index, tuple(key), typed)

    def reject(self, index: int, path: str, reason: str) -> None:
        self.report.rejected.append(wit.RejectedDocument(index, path, reason))

    def round(self, batches: list[list[Put]]) -> list[list[Put]]:
        """Sends batches at once; answers what must be sent again."""
        name = self.table.name
        bodies = [
            {
                "RequestItems": {name: [{"PutRequest": {"Item": put.item}} for put in batch]},
                "ReturnConsumedCapacity": "TOTAL",
            }
            for batch in batches
        ]
        answers = send([("BatchWriteItem", body) for body in bodies])
        self.report.requests += len(batches)
        self.report.retries += len(batches) if self.patience.failures else 0
        again: list[list[Put]] = []
        got_on = False
        for batch, answer in zip(batches, answers):
            match answer:
                case Repeat(reason, throttled):
                    self.patience.note(reason, throttled)
                    again.append(batch)
                case Refusal(reason, one_items=True) if len(batch) > 1:
                    # One item brings it upon all: halves tell which.
                    half = len(batch) // 2
                    again += [batch[:half], batch[half:]]
                    got_on = True
                case Refusal(reason, one_items=True):
                    self.reject(batch[0].index, "", reason)
                    got_on = True
                case Refusal(reason) | Denied(reason):
                    self.report.stopped = types.Stop_Denied(reason)
                    again.append(batch)
                case body:
                    left = self.unprocessed(batch, body)
                    self.report.written += len(batch) - len(left)
                    got_on = got_on or len(left) < len(batch)
                    if left:
                        self.patience.note("DynamoDB leaves writes unprocessed", throttled=True)
                        again.append(left)
        self.patience.wait(got_on, bool(again))
        return again

    def unprocessed(self, batch: list[Put], body: dict[str, Any]) -> list[Put]:
        for consumed in body.get("ConsumedCapacity") or []:
            self.report.capacity += float(consumed.get("CapacityUnits", 0))
        names = [name for name, _ in self.key]
        left = (body.get("UnprocessedItems") or {}).get(self.table.name, [])
        keys = {
            tuple(comparable(request["PutRequest"]["Item"][name]) for name in names)
            for request in left
        }
        return [put for put in batch if put.key in keys]


class Patience:
    """Rounds without progress are bounded by the attempts, all by the budget."""

    def __init__(self, retry: types.Retry, budget_ms: int | None) -> None:
        self.retry = retry
        self.ends_ms = web.now_ms() + (10**12 if budget_ms is None else budget_ms)
        self.failures = 0
        self.last = Repeat("DynamoDB did not answer", throttled=False)
        self.out_of_time = False

    def note(self, reason: str, throttled: bool) -> None:
        self.last = Repeat(reason, throttled)

    def wait(self, got_on: bool, again: bool) -> None:
        if not again:
            self.failures = 0
            return
        self.failures = 1 if got_on else self.failures + 1
        if self.lasts():
            attempt = self.failures - 1
            wait_ms = web.jitter(attempt, self.retry.base_delay_ms, self.retry.max_delay_ms)
            with monotonic_clock.subscribe_duration(wait_ms * web.NANOSECONDS) as timer:
                timer.block()

    def lasts(self) -> bool:
        self.out_of_time = web.now_ms() >= self.ends_ms
        return not self.out_of_time and self.failures < self.retry.max_attempts

    def stop(self) -> types.Stop:
        if self.out_of_time:
            return types.Stop_Budget()
        if self.last.throttled:
            return types.Stop_RateLimited(types.RateLimit(1000, self.last.reason))
        return types.Stop_Unavailable(self.last.reason)

    def ask(self, requests: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """Every answer, or the call's failure."""
        answers: dict[int, dict[str, Any]] = {}
        while len(answers) < len(requests):
            left = [at for at in range(len(requests)) if at not in answers]
            for at, answer in zip(left, send([requests[at] for at in left])):
                match answer:
                    case Repeat(reason, throttled):
                        self.note(reason, throttled)
                    case Refusal(reason):
                        raise Err(types.Failure_PermanentInvalid(reason))
                    case Denied(reason):
                        raise Err(types.Failure_PermanentDenied(reason))
                    case body:
                        answers[at] = body
            self.wait(got_on=False, again=len(answers) < len(requests))
            if len(answers) < len(requests) and not self.lasts():
                fail(self.stop())
                raise Err(types.Failure_Unavailable("the budget ran out"))
        return [answers[at] for at in range(len(requests))]


def fail(stop: types.Stop | None) -> None:
    """A call that achieved nothing fails; one out of budget may go on."""
    match stop:
        case types.Stop_Denied(reason):
            raise Err(types.Failure_PermanentDenied(reason))
        case types.Stop_RateLimited(limit):
            raise Err(types.Failure_RateLimited(limit))
        case types.Stop_Unavailable(reason):
            raise Err(types.Failure_Unavailable(reason))


def described(table: str, patience: Patience) -> list[tuple[str, str]]:
    """The table's keys, as DynamoDB tells them."""
    [answer] = patience.ask([("DescribeTable", {"TableName": table})])
    kinds = {a["AttributeName"]: a["AttributeType"] for a in answer["Table"]["AttributeDefinitions"]}
    names = [part["AttributeName"] for part in answer["Table"]["KeySchema"]]
    return [(name, kinds[name]) for name in names]


@dataclass
class Condition:
    """`name operator literal`; a filter is some of them with AND between."""

    name: str
    operator: str
    literal: Typed


def conditions(text: str) -> Iterator[Condition]:
    at = 0
    while text[at:].strip():
        if at:
            joint = re.compile(r"\s*AND\b", re.IGNORECASE).match(text, at)
            if joint is None:
                raise wrong(at, "AND is expected")
            at = joint.end()
        found = CONDITION.match(text, at)
        if found is None:
            raise wrong(at, "a condition such as `OBS_VALUE > 1.1` is expected; this pipeline"
                            " knows no other")
        literal = (
            {"N": found["number"]}
            if found["number"] is not None
            else {"S": found["text"].replace("''", "'")}
        )
        yield Condition(found["quoted"] or found["name"], found["operator"], literal)
        at = found.end()


def wrong(at: int, reason: str) -> Err[types.Failure]:
    return Err(types.Failure_PermanentInvalid(f"filter, column {at + 1}: {reason}"))


def scan(question: ask.Question) -> dict[str, Any]:
    """The Scan that answers it, but for its segment."""
    wanted = list(conditions(question.filter))
    names = list(dict.fromkeys([condition.name for condition in wanted] + question.select))
    if any(re.search(r"[.\[]", name) for name in question.select):
        raise Err(types.Failure_PermanentInvalid("this pipeline selects whole attributes only"))
    body: dict[str, Any] = {
        "TableName": question.table,
        "ConsistentRead": question.consistent,
        "ReturnConsumedCapacity": "TOTAL",
    }
    if question.index is not None:
        body["IndexName"] = question.index
    if names:
        body["ExpressionAttributeNames"] = {f"#{at}": name for at, name in enumerate(names)}
    if question.select:
        body["ProjectionExpression"] = ", ".join(f"#{names.index(n)}" for n in question.select)
    if wanted:
        body["FilterExpression"] = " AND ".join(
            f"#{names.index(c.name)} {c.operator} :{at}" for at, c in enumerate(wanted)
        )
        body["ExpressionAttributeValues"] = {f":{at}": c.literal for at, c in enumerate(wanted)}
    return body


class Query(exports.Query):
    def query(
        self, question: ask.Question, cursor: str | None, budget_ms: int | None
    ) -> ask.Answer:
        """Scans, segments side by side. The cursor: where each segment is
        (null at its beginning, absent at its end), and how many are left."""
        body = scan(question)
        patience = Patience(question.retry, budget_ms)
        segments: dict[str, Any] = {str(at): None for at in range(question.segments)}
        left = question.limit
        if cursor is not None:
            try:
                segments, left = json.loads(cursor)
            except ValueError:
                raise Err(types.Failure_PermanentInvalid("the cursor is none of ours")) from None
        answer = ask.Answer([], None, ask.Access.SCAN, 0, 0, 0.0, 0)
        # One item more than asked for would be lost: a page may hold as many
        # matches as it reads.
        most = {} if left is None else {"Limit": max(1, left)}
        while segments and left != 0:
            # With a limit one segment at a time, so that nothing is read twice.
            now = list(segments)[: 1 if left is not None else None]
            pages = patience.ask([
                ("Scan", body | most | place(segments[at], int(at), question.segments)) for at in now
            ])
            answer.requests += len(pages)
            for at, page in zip(now, pages):
                documents = [write(from_dynamodb({"M": found})) for found in page["Items"]]
                answer.documents += documents
                answer.scanned += page["ScannedCount"]
                answer.capacity += float((page.get("ConsumedCapacity") or {}).get("CapacityUnits", 0))
                segments[at] = page.get("LastEvaluatedKey")
                if segments[at] is None:
                    del segments[at]
                if left is not None:
                    left -= len(documents)
                    most = {"Limit": max(1, left)}
            if answer.documents or not patience.lasts():
                break
        answer.matched = len(answer.documents)
        if segments and left != 0:
            answer.cursor = json.dumps([segments, left])
        return answer

    def explain(self, question: ask.Question, budget_ms: int | None) -> ask.Explanation:
        """Counts, for each condition, the items without its attribute, and
        those that hold another type there."""
        patience = Patience(question.retry, budget_ms)
        told = ask.Explanation([], 0, True, 0.0)
        for condition in conditions(question.filter):
            [kind] = condition.literal
            missing = count(question, condition, "attribute_not_exists(#n)", None, patience, told)
            other = "attribute_exists(#n) AND NOT attribute_type(#n, :t)"
            others = count(question, condition, other, kind, patience, told)
            told.findings.append(ask.Finding(condition.name, kind, missing, others))
        return told


def place(key: Any, segment: int, segments: int) -> dict[str, Any]:
    start = {} if key is None else {"ExclusiveStartKey": key}
    return start | ({} if segments == 1 else {"Segment": segment, "TotalSegments": segments})


def count(
    question: ask.Question,
    condition: Condition,
    filter: str,
    kind: str | None,
    patience: Patience,
    told: ask.Explanation,
) -> int:
    """How many items the filter finds; both counts of a condition read all
    items, and the first says how many they are."""
    body: dict[str, Any] = {
        "TableName": question.table,
        "Select": "COUNT",
        "FilterExpression": filter,
        "ExpressionAttributeNames": {"#n": condition.name},
        "ConsistentRead": question.consistent,
        "ReturnConsumedCapacity": "TOTAL",
    }
    if question.index is not None:
        body["IndexName"] = question.index
    if kind is not None:
        body["ExpressionAttributeValues"] = {":t": {"S": kind}}
    matched = read_items = 0
    key: Any = None
    while True:
        [page] = patience.ask([("Scan", body | place(key, 0, 1))])
        matched += page["Count"]
        read_items += page["ScannedCount"]
        told.capacity += float((page.get("ConsumedCapacity") or {}).get("CapacityUnits", 0))
        key = page.get("LastEvaluatedKey")
        if key is None or not patience.lasts():
            break
    told.complete = told.complete and key is None
    told.scanned = max(told.scanned, read_items)
    return matched
