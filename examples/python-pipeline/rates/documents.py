"""JSON text ↔ values whose numbers keep their digits ↔ DynamoDB's JSON."""

import json
from decimal import Decimal
from typing import Any, TypeGuard

# What JSON can say. Numbers are `Number`, never `int` or `float`.
type Value = None | bool | str | Number | list[Value] | dict[str, Value]
# One typed value of DynamoDB, such as `{"N": "1.50"}`.
type Typed = dict[str, Any]


class Number:
    """A JSON number as it was written."""

    __slots__ = ("digits",)

    def __init__(self, digits: str) -> None:
        self.digits = digits


def read(text: str) -> Value:
    """Raises ValueError."""
    value: Value = json.loads(
        text, parse_int=Number, parse_float=Number, parse_constant=_no_number
    )
    return value


def _no_number(name: str) -> Value:
    raise ValueError(f"{name} is no JSON")


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


def is_object(value: Value) -> TypeGuard[dict[str, Value]]:
    return isinstance(value, dict)


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
        case "SS" | "BS":
            return list(value)
        case _:  # S, BOOL, and B as its base64
            plain: Value = value
            return plain


def comparable(typed: Typed) -> tuple[str, str | Decimal]:
    """Equal for equal keys, however their numbers are written."""
    [(kind, value)] = typed.items()
    return (kind, Decimal(value) if kind == "N" else value)
