"""JSON text ↔ values whose numbers keep their digits ↔ DynamoDB's JSON."""

import json
import re
from decimal import Decimal
from typing import Any

# What JSON can say. Numbers are `Number`, never `int` or `float`.
type Value = None | bool | str | Number | list[Value] | dict[str, Value]
# Python reads nested values one within the other, for which the component's
# stack is soon too small. DynamoDB refuses more than 32 levels by itself.
MOST_LEVELS = 100
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
# One typed value of DynamoDB, such as `{"N": "1.50"}`.
type Typed = dict[str, Any]


class Number:
    """A JSON number as it was written."""

    __slots__ = ("digits",)

    def __init__(self, digits: str) -> None:
        self.digits = digits


def read(text: str) -> Value:
    """Raises ValueError."""
    if text.count("[") + text.count("{") > MOST_LEVELS:
        _bound_levels(text)
    value: Value = json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_no_number)
    if r"\ud" in text.lower():
        # Half of a surrogate pair can't leave this component.
        write(value).encode()
    return value


def _bound_levels(text: str) -> None:
    level = 0
    for token in TOKEN.finditer(text):
        level += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if level > MOST_LEVELS:
            raise ValueError(f"it is nested in more than {MOST_LEVELS} levels")


def _no_number(name: str) -> Value:
    raise ValueError(f"{name} is not JSON")


def write(value: Value) -> str:
    match value:
        case Number():
            return value.digits
        case list():
            return f"[{','.join(map(write, value))}]"
        case dict():
            members = (f"{quoted(name)}:{write(member)}" for name, member in value.items())
            return f"{{{','.join(members)}}}"
        case str():
            return quoted(value)
        case _:
            return json.dumps(value)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def to_dynamodb(value: Value) -> Typed:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case Number():
            return {"N": value.digits}
        case list():
            return {"L": [to_dynamodb(element) for element in value]}
        case dict():
            return {"M": item(value)}


def item(document: dict[str, Value]) -> Typed:
    return {name: to_dynamodb(value) for name, value in document.items()}


def from_dynamodb(typed: Typed) -> Value:
    [(kind, value)] = typed.items()
    match kind:
        case "NULL":
            return None
        case "N":
            return Number(value)
        case "L":
            return [from_dynamodb(element) for element in value]
        case "M":
            return {name: from_dynamodb(member) for name, member in value.items()}
        case "NS":
            return [Number(digits) for digits in value]
        case _:  # S, BOOL, B as its base64, and sets of S and B
            plain: Value = value
            return plain


def comparable(typed: Typed) -> tuple[str, str | Decimal]:
    """Equal for equal keys, however their numbers are written."""
    [(kind, value)] = typed.items()
    return (kind, Decimal(value) if kind == "N" else value)
