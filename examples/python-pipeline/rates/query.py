"""Conditions → Scan requests → documents, and why there are none."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from wit_world import exports
from wit_world.exports import describe as wit_describe
from wit_world.exports import query as wit

import settings
from calls import Body, Patience, units
from documents import Typed, from_dynamodb, write
from failures import invalid

CONDITION = re.compile(
    r"\s*(?:`(?P<quoted>[^`]+)`|(?P<name>[A-Za-z_][A-Za-z0-9_]*))"
    r"\s*(?P<operator><>|<=|>=|=|<|>)"
    r"\s*(?:'(?P<text>(?:[^']|'')*)'|(?P<number>-?[0-9]+(?:\.[0-9]+)?))\s*"
)
JOINT = re.compile(r"\s*AND\b", re.IGNORECASE)


@dataclass
class Condition:
    """`name operator literal`; a filter is some of them with AND between."""

    name: str
    operator: str
    literal: Typed


class FilterError(ValueError):
    """The filter is none of those that this pipeline knows."""


def conditions(text: str) -> Iterator[Condition]:
    at = 0
    while text[at:].strip():
        if at:
            joint = JOINT.match(text, at)
            if joint is None:
                raise FilterError(f"column {at + 1}: AND is expected")
            at = joint.end()
        found = CONDITION.match(text, at)
        if found is None:
            expected = "a condition such as `OBS_VALUE > 1.1`; this pipeline knows no other"
            raise FilterError(f"column {at + 1}: expected is {expected}")
        literal = (
            {"N": found["number"]}
            if found["number"] is not None
            else {"S": found["text"].replace("''", "'")}
        )
        yield Condition(found["quoted"] or found["name"], found["operator"], literal)
        at = found.end()


class Query(exports.Query):
    def query(self, query: str, cursor: str | None, budget_ms: int | None) -> wit.Page:
        """The cursor says where the Scan goes on, and how many matches are left."""
        wanted = read_query(query)
        patience = Patience(wanted.table, wanted.retry, budget_ms)
        body, left = scan(wanted), wanted.limit
        if cursor is not None:
            try:
                body["ExclusiveStartKey"], left = json.loads(cursor)
            except (TypeError, ValueError):
                raise invalid("the cursor is none of ours") from None
        answer = wit.Page([], None, wit.Access.SCAN, 0, [])
        capacity = 0.0
        more = left != 0
        while more:
            if left is not None:
                # As a page may hold as many matches as it reads, of more than
                # are wanted some would be lost.
                body["Limit"] = left
            page = patience.ask("Scan", body)
            found = [write(from_dynamodb({"M": one})) for one in page["Items"]]
            left = None if left is None else left - len(found)
            answer.documents += found
            answer.scanned += page["ScannedCount"]
            capacity += units(page.get("ConsumedCapacity"))
            body["ExclusiveStartKey"] = page.get("LastEvaluatedKey")
            more = body["ExclusiveStartKey"] is not None and left != 0
            if answer.documents or not patience.lasts():
                break
        if more:
            answer.cursor = json.dumps([body["ExclusiveStartKey"], left])
        answer.counters = patience.counters(dynamodb_read_capacity=capacity)
        return answer

    def explain(self, query: str, budget_ms: int | None) -> wit.Explanation:
        """Counts, for each condition, the items without its attribute, and
        those that hold another type there."""
        asked = read_query(query)
        patience = Patience(asked.table, asked.retry, budget_ms)
        wanted = list(conditions(asked.filter))
        names = list(dict.fromkeys(condition.name for condition in wanted))
        body = about(asked, names, names)
        diagnoses = [wit.Diagnosis(c.name, next(iter(c.literal)), 0, 0) for c in wanted]
        told = wit.Explanation(diagnoses, 0, True, [])
        capacity = 0.0
        more = bool(diagnoses)
        while more and told.complete:
            page = patience.ask("Scan", body)
            for one in diagnoses:
                held = [item[one.path] for item in page["Items"] if one.path in item]
                one.missing += page["ScannedCount"] - len(held)
                one.other_type += sum(one.expected not in typed for typed in held)
            told.scanned += page["ScannedCount"]
            capacity += units(page.get("ConsumedCapacity"))
            body["ExclusiveStartKey"] = page.get("LastEvaluatedKey")
            more = body["ExclusiveStartKey"] is not None
            told.complete = not more or patience.lasts()
        told.counters = patience.counters(dynamodb_read_capacity=capacity)
        return told


def read_query(text: str) -> settings.Query:
    mistakes: settings.Mistakes = []
    wanted = settings.query(text, mistakes)
    if wanted is not None:
        check(wanted, mistakes)
    if wanted is None or mistakes:
        raise settings.refused("query", mistakes)
    return wanted


def check(query: settings.Query, mistakes: settings.Mistakes) -> None:
    try:
        list(conditions(query.filter))
    except FilterError as error:
        mistakes.append(wit_describe.Mistake("/filter", str(error), None))


def scan(query: settings.Query) -> Body:
    """The Scan that answers it."""
    wanted = list(conditions(query.filter))
    names = list(dict.fromkeys([condition.name for condition in wanted] + query.select))
    body = about(query, names, query.select)
    if wanted:
        body["FilterExpression"] = " AND ".join(
            f"#{names.index(c.name)} {c.operator} :{at}" for at, c in enumerate(wanted)
        )
        body["ExpressionAttributeValues"] = {f":{at}": c.literal for at, c in enumerate(wanted)}
    return body


def about(query: settings.Query, names: list[str], select: list[str]) -> Body:
    """Of which table, and the selected attributes; names go by their numbers."""
    body: Body = {
        "TableName": query.table,
        "ConsistentRead": query.consistent,
        "ReturnConsumedCapacity": "TOTAL",
    }
    if query.index is not None:
        body["IndexName"] = query.index
    if names:
        body["ExpressionAttributeNames"] = {f"#{at}": name for at, name in enumerate(names)}
    if select:
        body["ProjectionExpression"] = ", ".join(f"#{names.index(name)}" for name in select)
    return body
