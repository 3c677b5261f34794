"""JSON text → the settings of a source, a table or a query, or everything that
is wrong with it, by their schemas."""

import difflib
import itertools
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from componentize_py_types import Err
from wit_world.exports.describe import Mistake
from wit_world.imports import rowcast_pipeline_types as types

from documents import Number, Value, quoted, read
from failures import invalid
from schemas import PRESETS, QUERY, SOURCE, TABLE, Schema

PLACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
OF_RECORD = "record:"
INTEGER = re.compile(r"-?[0-9]{1,18}")
KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}

type Mistakes = list[Mistake]


@dataclass
class Retry:
    max_attempts: int
    base_delay_ms: int
    max_delay_ms: int
    max_retry_after_ms: int


@dataclass
class Source:
    url: str
    start_period: str | None
    end_period: str | None
    headers: dict[str, str]
    matrix: dict[str, list[str]]
    attributes: dict[str, str]
    require: list[str]
    concurrency: int
    retry: Retry
    request_timeout_ms: int
    max_body_bytes: int

    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def combinations(self) -> list[dict[str, str]]:
        axes = [[(name, value) for value in values] for name, values in self.matrix.items()]
        return [dict(combination) for combination in itertools.product(*axes)]


@dataclass
class Table:
    name: str
    # Names and types, the partition key's first; none: DynamoDB is asked.
    keys: list[tuple[str, str]] | None
    retry: Retry
    concurrency: int

    def upstream(self) -> str:
        return f"dynamodb:{self.name}"


@dataclass
class Query:
    table: str
    index: str | None
    filter: str
    select: list[str]
    limit: int | None
    consistent: bool
    retry: Retry


def source(settings: str, mistakes: Mistakes) -> Source | None:
    given = _parsed(settings, mistakes)
    if isinstance(given, dict) and isinstance(name := given.get("preset"), str):
        if name not in PRESETS:
            mistakes.append(Mistake("/preset", "is not known", _nearest(name, list(PRESETS))))
            return None
        given = {**PRESETS[name][1], **given}
    found = _filled(SOURCE, given, mistakes)
    if found is None:
        return None
    _check_url(found["url"], mistakes)
    _check_templates(found, mistakes)
    start, end = found.get("start_period"), found.get("end_period")
    if start and end and len(start) == len(end) and end < start:
        mistakes.append(Mistake("/end_period", "is before start_period", None))
    _check_retry(found["retry"], mistakes)
    return Source(
        start_period=start,
        end_period=end,
        retry=Retry(**found["retry"]),
        **{
            name: found[name]
            for name in (
                "url", "headers", "matrix", "attributes", "require", "concurrency",
                "request_timeout_ms", "max_body_bytes",
            )
        },
    )  # fmt: skip


def table(settings: str, mistakes: Mistakes) -> Table | None:
    found = _filled(TABLE, _parsed(settings, mistakes), mistakes)
    if found is None:
        return None
    _check_retry(found["retry"], mistakes)
    keys = found["keys"] and [
        (part["name"], part["type"])
        for part in (found["keys"]["partition"], found["keys"]["sort"])
        if part is not None
    ]
    return Table(found["name"], keys, Retry(**found["retry"]), found["concurrency"])


def query(settings: str, mistakes: Mistakes) -> Query | None:
    found = _filled(QUERY, _parsed(settings, mistakes), mistakes)
    if found is None:
        return None
    for at, name in enumerate(found["select"]):
        if re.search(r"[.\[]", name):
            reason = "is a path; this pipeline selects whole attributes only"
            mistakes.append(Mistake(f"/select/{at}", reason, None))
    _check_retry(found["retry"], mistakes)
    del found["segments"]
    return Query(**{**found, "retry": Retry(**found["retry"])})


def refused(kind: str, mistakes: Mistakes) -> Err[types.Failure]:
    """The call's failure."""
    said = "; ".join(
        " ".join(filter(None, (mistake.pointer, mistake.message)))
        + (f" ({mistake.hint})" if mistake.hint else "")
        for mistake in mistakes
    )
    return invalid(f"{kind}: {said}")


def _parsed(settings: str, mistakes: Mistakes) -> Value:
    try:
        return read(settings)
    except ValueError as error:
        # Python's words have the place, and nothing of the text itself.
        place = f" at column {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        mistakes.append(Mistake("", f"is not JSON that can be read{place}", None))
        return None


def _filled(schema: Schema, given: Value, mistakes: Mistakes) -> dict[str, Any] | None:
    """With defaults; none if the form is wrong."""
    if mistakes:
        return None
    found = _read(schema, given, "", mistakes)
    return None if mistakes else found


def _read(schema: Schema, value: Value, pointer: str, mistakes: Mistakes) -> Any:
    def wrong(message: str, hint: str | None = None) -> None:
        # Never with the value, unless that is a number: it may be secret.
        mistakes.append(Mistake(pointer, message, hint))

    wanted = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if value is None and "null" in wanted:
        return None
    kind = wanted[0]
    if kind == "integer":
        if not isinstance(value, Number) or not re.fullmatch(r"-?[0-9]+", value.digits):
            return wrong("must be an integer")
        number = int(value.digits) if INTEGER.fullmatch(value.digits) else 10**18
        least, most = schema["minimum"], schema["maximum"]
        if not least <= number <= most:
            return wrong(f"is {value.digits[:30]}; it must be {least} to {most}")
        return number
    if not isinstance(value, KINDS[kind]):
        return wrong(f"must be {'an' if kind[0] in 'ao' else 'a'} {kind}")
    match value:
        case str():
            if value not in schema.get("enum", [value]):
                allowed = " or ".join(quoted(one) for one in schema["enum"])
                return wrong(f"must be {allowed}", schema.get("description"))
            if len(value) < schema.get("minLength", 0):
                return wrong("is empty")
            # Python's `$` would let a line's end pass.
            if not re.search(schema.get("pattern", "").replace("$", r"\Z"), value):
                return wrong("is not of this form", schema.get("description"))
        case list():
            if len(value) < schema.get("minItems", 0):
                return wrong("is empty")
            return [
                _read(schema["items"], one, f"{pointer}/{at}", mistakes)
                for at, one in enumerate(value)
            ]
        case dict():
            return _members(schema, value, pointer, mistakes)
    return value


def _members(
    schema: Schema, value: dict[str, Value], pointer: str, mistakes: Mistakes
) -> dict[str, Any]:
    known, others = schema.get("properties", {}), schema["additionalProperties"]
    found: dict[str, Any] = {}
    for name, member in value.items():
        place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if (expected := known.get(name, others)) is False:
            mistakes.append(Mistake(place, "is not known", _nearest(name, list(known))))
        else:
            found[name] = _read(expected, member, place, mistakes)
    for name, expected in known.items():
        if name in value:
            continue
        if name in schema["required"]:
            mistakes.append(Mistake(f"{pointer}/{name}", "is missing", None))
        elif "default" in expected:
            default = expected["default"]
            # Defaults of structures have defaults within.
            found[name] = (
                _read(expected, default, f"{pointer}/{name}", mistakes)
                if isinstance(default, dict)
                else default
            )
    return found


def _nearest(name: str, known: list[str]) -> str | None:
    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean `{close[0]}`?" if close else None


def _check_url(url: str, mistakes: Mistakes) -> None:
    message = None
    try:
        parts = urlsplit(url)
        port = parts.port
        if port == 0:
            message = "has no port that could be connected to"
        elif parts.scheme not in ("https", "http"):
            message = "is neither http nor https"
        elif not parts.hostname or parts.username is not None:
            message = "names no host, or a user"
        elif "{" in parts.netloc or "}" in parts.netloc:
            message = "has a template in its host; requests go to one origin only"
    except ValueError:
        message = "is not a URL"
    if message is not None:
        mistakes.append(Mistake("/url", message, None))


def _check_templates(found: dict[str, Any], mistakes: Mistakes) -> None:
    templates = [("/url", found["url"])]
    for group in ("headers", "attributes"):
        templates += [(f"/{group}/{name}", value) for name, value in found[group].items()]
    for pointer, template in templates:
        for place in PLACE.finditer(template):
            if place[0] in "{}":
                reason = f"has a `{place[0]}` by itself; `{place[0] * 2}` is one in the text"
                mistakes.append(Mistake(pointer, reason, None))
            elif (place[1] or "").startswith(OF_RECORD) and not pointer.startswith("/attributes"):
                reason = "refers to a record, which there is none of before the answer"
                mistakes.append(Mistake(pointer, reason, None))


def _check_retry(retry: dict[str, int], mistakes: Mistakes) -> None:
    if retry["base_delay_ms"] > retry["max_delay_ms"]:
        mistakes.append(Mistake("/retry/base_delay_ms", "is above max_delay_ms", None))
