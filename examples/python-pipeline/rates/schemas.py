"""The schemas of a source, a table and a query, and presets that fit them. They
are the only definition: what isn't in them isn't taken, and defaults stand nowhere
else."""

from typing import Any

from documents import Value

DIALECT = "https://json-schema.org/draft/2020-12/schema"

type Schema = dict[str, Any]


def integer(title: str, default: int, least: int, most: int, description: str) -> Schema:
    return {
        "type": "integer", "title": title, "description": description,
        "default": default, "minimum": least, "maximum": most,
    }  # fmt: skip


def text(title: str, description: str, **more: Any) -> Schema:
    return {"type": "string", "title": title, "description": description, **more}


def members(title: str, description: str, value: Schema, example: Any) -> Schema:
    return {
        "type": "object", "title": title, "description": description, "default": {},
        "additionalProperties": value, "examples": [example],
    }  # fmt: skip


def structure(properties: dict[str, Schema], *required: str, **more: Any) -> Schema:
    fixed = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**fixed, "required": list(required), **more}


def only_none(title: str, why: str) -> Schema:
    kind = {"type": "string", "enum": ["none"], "description": why}
    return structure({"type": kind}, "type", title=title, description=why, default={"type": "none"})


DAY = r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$"
MOST_MS = 24 * 3600 * 1000
RETRY = structure(
    {
        "max_attempts": integer("Attempts", 5, 1, 20, "Per request, the first included."),
        "base_delay_ms": integer(
            "First wait", 200, 0, MOST_MS, "Its upper bound in milliseconds; doubled each time."
        ),
        "max_delay_ms": integer(
            "Longest wait", 20_000, 0, MOST_MS, "The upper bound of any drawn wait."
        ),
        "max_retry_after_ms": integer(
            "Longest Retry-After",
            60_000,
            0,
            MOST_MS,
            "In milliseconds; a longer one isn't waited out but ends the call.",
        ),
    },
    title="Retries",
    description="How failed requests are repeated.",
    default={},
)
KEY = structure(
    {
        "name": text("Name", "The attribute's.", minLength=1, examples=["KEY"]),
        "type": text("Type", "Text, a number, or bytes as base64.", enum=["S", "N", "B"]),
    },
    "name",
    "type",
)
PERIOD = "A year, month or day, which is one of the days that rates are asked for."
SOURCE = structure(
    {
        "preset": text(
            "Preset", "What is filled in where these settings say nothing.", examples=["ecb-rates"]
        ),
        "url": text(
            "URL",
            "Of a GET request that is answered in CSV. `{name}` is a row's column, such as the "
            "currency, or a value of the matrix, percent-encoded.",
            minLength=1,
            examples=["https://data-api.ecb.europa.eu/service/data/EXR/D.{currency}.EUR.SP00.A"],
        ),
        "start_period": text("From", f"The first. {PERIOD}", pattern=DAY, examples=["2026-01-01"]),
        "end_period": text("To", f"The last. {PERIOD}", pattern=DAY, examples=["2026-12"]),
        "headers": members(
            "Headers", "Of each request; values are templates.", {"type": "string"}, {"x-app": "r"}
        ),
        "matrix": members(
            "Matrix",
            "One request is made for each row and combination of these values.",
            {"type": "array", "minItems": 1, "items": {"type": "string"}},
            {"frequency": ["D", "M"]},
        ),
        "records": text("Records", "CSV has no JSON Pointer to its records.", enum=[""], default=""),
        "attributes": members(
            "Attributes",
            "Added before each record's own; values are templates, and `{record:/NAME}` is a "
            "column of the CSV.",
            {"type": "string"},
            {"base": "EUR/{currency}"},
        ),
        "require": {
            "type": "array", "title": "Required", "items": {"type": "string", "pattern": "^/"},
            "description": "Columns without which a record is rejected, each with a slash before.",
            "default": [], "examples": [["/OBS_VALUE"]],
        },
        "auth": only_none("Credentials", "The exchange rates need no credentials."),
        "pagination": only_none("Pages", "CSV has no pages."),
        "max_pages": integer("Pages", 100, 1, 2**32 - 1, "Of no effect: CSV has no pages."),
        "concurrency": integer("Concurrency", 8, 1, 256, "Requests at once within a call."),
        "retry": RETRY,
        "request_timeout_ms": integer(
            "Time", 20_000, 1, MOST_MS, "For one attempt, in milliseconds."
        ),
        "max_body_bytes": integer("Bytes", 8 * 1024**2, 1, 2**40, "Of one body at most."),
    },
    "url",
    title="Exchange rates",
    description="The euro's exchange rates, as the European Central Bank's API has them.",
)  # fmt: skip
TABLE = structure(
    {
        "name": text("Name", "The table's.", minLength=1, examples=["exchange_rates"]),
        "keys": structure(
            {"partition": KEY, "sort": {**KEY, "type": ["object", "null"], "default": None}},
            "partition",
            title="Keys",
            description="Left out, DynamoDB is asked once per call.",
            default=None,
        )
        | {"type": ["object", "null"]},
        "retry": RETRY,
        "concurrency": integer("Concurrency", 8, 1, 64, "Batches sent at once."),
    },
    "name",
    title="Table",
    description="The DynamoDB table that documents are written to.",
)
QUERY = structure(
    {
        "table": text("Table", "Its name.", minLength=1, examples=["exchange_rates"]),
        "index": text("Index", "One to read in place of the table.", default=None)
        | {"type": ["string", "null"]},
        "filter": text(
            "Filter",
            "Comparisons of attributes with text or numbers, with AND between them; empty: all.",
            default="",
            examples=["OBS_VALUE > 1.1 AND CURRENCY = 'USD'"],
        ),
        "select": {
            "type": "array", "title": "Selection", "items": {"type": "string", "minLength": 1},
            "description": "Attributes to return; empty: all.", "default": [],
            "examples": [["KEY", "OBS_VALUE"]],
        },
        "limit": integer("Limit", 0, 0, 2**32 - 1, "Documents at most, over all pages.")
        | {"type": ["integer", "null"], "default": None},
        "segments": integer("Segments", 4, 1, 64, "Of no effect: one page is read at a time."),
        "consistent": {
            "type": "boolean", "title": "Consistent", "default": False,
            "description": "Reads that see every finished write.",
        },
        "retry": RETRY,
    },
    "table",
    title="Query",
    description="What to read from which table.",
)  # fmt: skip

PRESETS: dict[str, tuple[str, dict[str, Value], dict[str, Value]]] = {
    "ecb-rates": (
        "The euro's daily rates and monthly averages, by the European Central Bank's API; rows "
        "need a column `currency`.",
        {
            "url": "https://data-api.ecb.europa.eu/service/data/EXR/"
            "{frequency}.{currency}.EUR.SP00.A?format=csvdata",
            "matrix": {"frequency": ["D", "M"]},
            "require": ["/OBS_VALUE"],
        },
        {
            "keys": {
                "partition": {"name": "KEY", "type": "S"},
                "sort": {"name": "TIME_PERIOD", "type": "S"},
            }
        },
    )
}
