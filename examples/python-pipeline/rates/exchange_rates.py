"""Rows with currencies → the European Central Bank's exchange rates, which come
as CSV → documents → DynamoDB. The exports of `rowcast:pipeline`."""

import csv
import email.utils
import io
import itertools
import re
import time
from urllib.parse import quote

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import extract as wit
from wit_world.imports import rowcast_pipeline_types as types

import web
from documents import Number, Value, read, write
from failures import end, invalid, within
from load import Load as Load
from query import Query as Query

# Every series has these; other columns depend on the dataset.
COLUMNS = ("KEY", "TIME_PERIOD", "OBS_VALUE")
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
PLACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
OF_RECORD = re.compile(r"\{record:([^{}]*)\}")
# Some sources send a moment in place of a duration; this is a hundred years.
LONGEST_SECONDS = 100 * 365 * 24 * 3600
REPEATED = (408, 425, 429, 500, 502, 503, 504)

type Key = tuple[int, int]
type Values = dict[str, Value]


class Extract(exports.Extract):
    def extract(
        self,
        source: wit.Source,
        rows: list[str],
        only: list[wit.Cell] | None,
        budget_ms: int | None,
    ) -> wit.Extraction:
        call = Call(source, rows, budget_ms)
        combinations = range(len(call.combinations))
        if only is None:
            cells = list(itertools.product(range(len(rows)), combinations))
        else:
            cells = sorted((cell.row, cell.combination) for cell in only)
        web.run_all((call.settle(cell) for cell in cells), source.concurrency)
        return call.close(cells)


class Rejected(Exception):
    def __init__(self, kind: wit.RejectionKind, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.kind, self.reason, self.status = kind, reason, status


class Call:
    """What the call was given, and where each of its cells is."""

    def __init__(self, source: wit.Source, rows: list[str], budget_ms: int | None) -> None:
        self.source, self.rows = source, rows
        within("source.concurrency", source.concurrency, 256)
        within("source.retry.max_attempts", source.retry.max_attempts, 20)
        if not isinstance(source.auth, wit.Auth_None_):
            raise invalid("this pipeline knows no credentials; the exchange rates need none")
        if source.records or not isinstance(source.pagination, wit.Pagination_None_):
            raise invalid("CSV has no pages and no JSON Pointer to its records")
        axes = [[(axis.name, value) for value in axis.values] for axis in source.matrix]
        self.combinations: list[dict[str, str]] = [dict(c) for c in itertools.product(*axes)]
        # What attributes take from a record it must have, too.
        taken = [path for field in source.attributes for path in OF_RECORD.findall(field.value)]
        self.required = list(dict.fromkeys(source.require + taken))
        self.ends_ms = web.now_ms() + (10**12 if budget_ms is None else budget_ms)
        self.silent_until_ms = 0
        self.stop: types.Stop | None = None
        # After a refusal or a silence nothing else is asked for.
        self.halted = False
        self.documents: dict[Key, list[str]] = {}
        self.rejected: dict[Key, Rejected] = {}
        # Of the cells with documents.
        self.rejected_records: dict[Key, list[wit.RejectedRecord]] = {}
        self.requests = self.retries = 0

    async def settle(self, cell: Key) -> None:
        """Whatever is neither done nor rejected by this is pending."""
        try:
            values = self.values(cell)
            url = fill(self.source.url, values, encode=True)
            headers = [(one.name, fill(one.value, values)) for one in self.source.headers]
            answer = await self.ask(url, headers)
            if answer is not None:
                self.documents[cell], self.rejected_records[cell] = self.cut(cell, values, answer)
        except Rejected as rejection:
            self.rejected[cell] = rejection

    def values(self, cell: Key) -> Values:
        row, combination = cell
        try:
            columns = read(self.rows[row])
        except ValueError as error:
            raise Rejected(wit.RejectionKind.TEMPLATE, f"the row is no JSON: {error}") from None
        if not isinstance(columns, dict):
            raise Rejected(wit.RejectionKind.TEMPLATE, "the row is no JSON object")
        return {**columns, **self.combinations[combination]}

    async def turn(self, from_ms: int) -> bool:
        """Waits until then, and for as long as the source wants silence; false
        once nothing may be asked any more."""
        while not self.halted:
            # Others may have been asked for silence meanwhile.
            from_ms = max(from_ms, self.silent_until_ms, web.now_ms())
            if from_ms >= self.ends_ms:
                self.halt(types.Stop_Budget())
            elif from_ms <= web.now_ms():
                return True
            else:
                await web.sleep(from_ms - web.now_ms())
        return False

    async def ask(self, url: str, headers: list[tuple[str, str]]) -> bytes | None:
        """The body; none if the call must end before there is one."""
        retry = self.source.retry
        wait_ms, failure = 0, ""
        for attempt in range(retry.max_attempts):
            if not await self.turn(web.now_ms() + wait_ms):
                return None
            until_ms = min(web.now_ms() + self.source.request_timeout_ms, self.ends_ms)
            self.requests += 1
            self.retries += attempt > 0
            wait_ms = web.jitter(attempt, retry.base_delay_ms, retry.max_delay_ms)
            try:
                answer = await web.get(url, headers, until_ms, self.source.max_body_bytes)
            except web.Unanswered as error:
                failure = f"{url}: {error}"
                if error.kind is not None:
                    raise Rejected(error.kind, failure) from None
                continue
            if "rowcast-unsent" in answer.headers:
                # The host answered itself: it keeps a silence.
                self.requests -= 1
                self.retries -= attempt > 0
            if answer.status == 200:
                return answer.body
            failure = f"{url} answered {answer.status}"
            if answer.status == 401:
                self.halt(types.Stop_Denied(failure))
                return None
            if answer.status not in REPEATED:
                raise Rejected(wit.RejectionKind.STATUS, failure, answer.status)
            silence_ms = retry_after_ms(answer)
            if silence_ms > retry.max_retry_after_ms:
                self.halt(types.Stop_RateLimited(types.RateLimit(silence_ms, failure)))
                return None
            # The clock leaves out parts of a millisecond; nobody is to be early.
            self.silent_until_ms = max(self.silent_until_ms, web.now_ms() + silence_ms + 1)
        self.stop = self.stop or types.Stop_Unavailable(failure)
        return None

    def halt(self, stop: types.Stop) -> None:
        self.halted, self.stop = True, stop

    def cut(
        self, cell: Key, values: Values, body: bytes
    ) -> tuple[list[str], list[wit.RejectedRecord]]:
        documents: list[str] = []
        rejected: list[wit.RejectedRecord] = []
        for index, record in enumerate(records(body)):
            try:
                documents.append(write(self.document(values, record)))
            except Missing as missing:
                place = wit.Cell(*cell)
                rejected.append(
                    wit.RejectedRecord(place, index, missing.kind, missing.path, missing.reason)
                )
        return documents, rejected

    def document(self, values: Values, record: Values) -> Values:
        known = {**values, **{f"record:/{name}": value for name, value in record.items()}}
        for path in self.required:
            if path.removeprefix("/") not in record:
                raise Missing(wit.RejectionKind.REQUIRED, path, f"there is no {path}")
        added: Values = {
            field.name: fill(field.value, known) for field in self.source.attributes
        }
        for name in added.keys() & record.keys():
            raise Missing(wit.RejectionKind.CLASH, f"/{name}", f"the record has its own {name}")
        return {**added, **record}

    def close(self, given: list[Key]) -> wit.Extraction:
        """Every list in the order of `given`, whichever was answered first."""
        done = [cell for cell in given if cell in self.documents]
        pending = [cell for cell in given if cell not in self.documents | self.rejected]
        rejected = [
            wit.RejectedCell(wit.Cell(*cell), why.kind, why.status, why.reason)
            for cell in given
            if (why := self.rejected.get(cell)) is not None
        ]
        if not done and rejected and all(c.kind == wit.RejectionKind.POLICY for c in rejected):
            raise Err(types.Failure_PermanentDenied(rejected[0].reason))
        if not done and not rejected:
            end(self.stop)
        return wit.Extraction(
            documents=[document for cell in done for document in self.documents[cell]],
            done=[wit.DoneCell(wit.Cell(*cell), len(self.documents[cell])) for cell in done],
            rejected=rejected,
            rejected_records=[one for cell in done for one in self.rejected_records[cell]],
            pending=[wit.Cell(*cell) for cell in pending],
            stopped=self.stop if pending else None,
            requests=self.requests,
            retries=self.retries,
            token_requests=0,
        )


class Missing(Exception):
    def __init__(self, kind: wit.RejectionKind, path: str, reason: str) -> None:
        super().__init__(reason)
        self.kind, self.path, self.reason = kind, path, reason


def fill(template: str, values: Values, encode: bool = False) -> str:
    def part(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        name = match[1]
        value = values.get(name) if name is not None else None
        if isinstance(value, bool):
            value = "true" if value else "false"
        if isinstance(value, Number):
            value = value.digits
        if not isinstance(value, str):
            raise Rejected(wit.RejectionKind.TEMPLATE, f"there is no value for {match[0]}")
        return quote(value, safe="") if encode else value

    return PLACE.sub(part, template)


def records(body: bytes) -> list[Values]:
    """Empty fields are left out. Only the value is a number: codes such as
    `0042` would lose their zeros."""
    try:
        text = body.decode().removeprefix("\ufeff")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Rejected(wit.RejectionKind.BODY, f"the body is no CSV: {error}") from None
    names = lines[0] if lines else []
    if not set(COLUMNS) <= set(names):
        needed = ", ".join(COLUMNS)
        raise Rejected(wit.RejectionKind.BODY, f"the body is no CSV with the columns {needed}")
    found: list[Values] = []
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(names):
            reason = f"line {number} has {len(line)} fields instead of {len(names)}"
            raise Rejected(wit.RejectionKind.BODY, reason)
        record: Values = {name: field for name, field in zip(names, line) if field}
        value = record.get("OBS_VALUE")
        if isinstance(value, str) and NUMBER.fullmatch(value):
            record["OBS_VALUE"] = Number(value)
        found.append(record)
    return found


def retry_after_ms(answer: web.Answer) -> int:
    """Seconds or a date; 0 if there is neither."""
    text = answer.headers.get("retry-after", "").strip()
    try:
        if text.isdecimal():
            seconds: float = int(text)
        else:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError):
        return 0
    return round(1000 * min(max(0, seconds), LONGEST_SECONDS))
