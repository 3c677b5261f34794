"""Rows with currencies → requests → exchange rates in CSV → documents, and the
account of every request."""

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

import pacing
import settings
import web
from documents import Number, Value, read, write
from failures import counters, end
from settings import PLACE

# Every series has these; other columns depend on the dataset.
COLUMNS = ("KEY", "TIME_PERIOD", "OBS_VALUE")
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
OF_RECORD = re.compile(r"\{record:([^{}]*)\}")
# Some sources send a moment in place of a duration; this is a hundred years.
LONGEST_SECONDS = 100 * 365 * 24 * 3600
REPEATED = (408, 425, 429, 500, 502, 503, 504)

type Key = tuple[int, int]
type Values = dict[str, Value]


class Extract(exports.Extract):
    def extract(
        self,
        source: str,
        rows: list[str],
        only: list[types.PendingRequest] | None,
        budget_ms: int | None,
    ) -> wit.Extraction:
        return Call(read_source(source), rows, budget_ms).extract(only)


def read_source(text: str) -> settings.Source:
    mistakes: settings.Mistakes = []
    source = settings.source(text, mistakes)
    if source is None or mistakes:
        raise settings.refused("source", mistakes)
    return source


class Rejected(Exception):
    def __init__(self, kind: types.RejectionKind, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.kind, self.reason, self.status = kind, reason, status


class Call:
    """What the call was given, and where each of its requests is."""

    def __init__(self, source: settings.Source, rows: list[str], budget_ms: int | None) -> None:
        self.source, self.rows = source, rows
        self.upstream = source.origin()
        self.combinations = source.combinations()
        # What attributes take from a record it must have, too.
        taken = [path for value in source.attributes.values() for path in OF_RECORD.findall(value)]
        self.required = list(dict.fromkeys(source.require + taken))
        self.ends_ms = web.now_ms() + (10**12 if budget_ms is None else budget_ms)
        self.silent_until_ms = 0
        self.pause = ""
        self.stop: types.Stop | None = None
        # After a refusal or a pause nothing else is asked for.
        self.halted = False
        self.documents: dict[Key, list[str]] = {}
        self.rejected: dict[Key, Rejected] = {}
        # Those whose attempts ran out.
        self.exhausted: dict[Key, Rejected] = {}
        # Of the requests with documents.
        self.rejected_records: dict[Key, list[types.RejectedRecord]] = {}
        self.requests = self.retries = 0

    def extract(self, only: list[types.PendingRequest] | None) -> wit.Extraction:
        if only is None:
            combinations = range(len(self.combinations))
            keys = list(itertools.product(range(len(self.rows)), combinations))
        else:
            keys = sorted((one.request.row, one.request.combination) for one in only)
        web.run_all((self.settle(key) for key in keys), self.source.concurrency)
        return self.close(keys)

    async def settle(self, key: Key) -> None:
        """Whatever is neither done nor rejected by this is pending."""
        try:
            values = self.values(key)
            headers = [(name, fill(value, values)) for name, value in self.source.headers.items()]
            answer = await self.ask(key, self.url(values), headers)
            if answer is not None:
                self.documents[key], self.rejected_records[key] = self.cut(key, values, answer)
        except Rejected as rejection:
            self.rejected[key] = rejection

    def url(self, values: Values) -> str:
        url = fill(self.source.url, values, encode=True)
        for name, period in (
            ("startPeriod", self.source.start_period),
            ("endPeriod", self.source.end_period),
        ):
            if period is not None:
                url += f"{'&' if '?' in url else '?'}{name}={period}"
        return url

    def values(self, key: Key) -> Values:
        row, combination = key
        if row >= len(self.rows) or combination >= len(self.combinations):
            reason = "there is no such row or combination; pass back what belongs to these"
            raise Rejected(types.RejectionKind.TEMPLATE, reason)
        try:
            columns = read(self.rows[row])
        except ValueError as error:
            raise Rejected(types.RejectionKind.TEMPLATE, f"the row is not JSON: {error}") from None
        if not isinstance(columns, dict):
            raise Rejected(types.RejectionKind.TEMPLATE, "the row is not a JSON object")
        return {**columns, **self.combinations[combination]}

    async def turn(self, from_ms: int) -> bool:
        """Waits until then, for as long as the source wants a pause, and until the
        host's pace has a place, which is then taken; false once nothing may be
        asked any more."""
        while not self.halted:
            # Others may have been asked for a pause meanwhile.
            from_ms = max(from_ms, self.silent_until_ms, web.now_ms())
            if from_ms >= self.ends_ms:
                self.halt(self.out_of_time())
            elif from_ms > web.now_ms():
                await web.sleep(from_ms - web.now_ms())
            elif (wait_ms := pacing.reserve(self.upstream, 1)) == 0:
                return True
            elif (pause_ms := pacing.reserve(self.upstream, 0)) > self.patience_ms():
                # Another instance was told to leave the source alone.
                self.limit(pause_ms, f"{self.upstream} asked for a pause")
            else:
                from_ms = web.now_ms() + wait_ms
        return False

    def patience_ms(self) -> int:
        """The longest pause that is waited out in this call."""
        return min(self.source.retry.max_retry_after_ms, max(0, self.ends_ms - web.now_ms()))

    def out_of_time(self) -> types.Stop:
        """Where a pause outlasts the budget, calling again at once is no use."""
        if self.silent_until_ms < self.ends_ms:
            return types.Stop_Budget()
        left_ms = max(0, self.silent_until_ms - web.now_ms())
        return types.Stop_RateLimited(types.RateLimit(left_ms, self.upstream, self.pause, []))

    async def ask(self, key: Key, url: str, headers: list[tuple[str, str]]) -> bytes | None:
        """The body; none if the call must end before there is one."""
        retry = self.source.retry
        wait_ms, failure = 0, ""
        status: int | None = None
        for attempt in range(retry.max_attempts):
            if not await self.turn(web.now_ms() + wait_ms):
                return None
            until_ms = min(web.now_ms() + self.source.request_timeout_ms, self.ends_ms)
            self.requests += 1
            self.retries += attempt > 0
            wait_ms = web.jitter(attempt, retry.base_delay_ms, retry.max_delay_ms)
            status = None
            try:
                answer = await web.get(url, headers, until_ms, self.source.max_body_bytes)
            except web.Unanswered as error:
                pacing.report(self.upstream)
                failure = f"{url}: {error}"
                if error.kind is not None:
                    raise Rejected(error.kind, failure) from None
                continue
            status = answer.status
            silence_ms = retry_after_ms(answer) if status in REPEATED else 0
            if status == 429 or silence_ms > 0:
                pacing.report(self.upstream, refused=1, pause_ms=silence_ms or None)
            else:
                pacing.report(self.upstream, accepted=1)
            if status == 200:
                return answer.body
            failure = f"{url} answered {status}"
            if status == 401:
                self.halt(types.Stop_Denied(types.StopReason(self.upstream, failure)))
                return None
            if status not in REPEATED:
                raise Rejected(types.RejectionKind.STATUS, failure, status)
            if silence_ms > retry.max_retry_after_ms:
                self.limit(silence_ms, failure)
                return None
            if silence_ms > 0:
                # The clock leaves out parts of a millisecond; nobody is to be early.
                until_ms = web.now_ms() + silence_ms + 1
                if until_ms > self.silent_until_ms:
                    self.silent_until_ms, self.pause = until_ms, failure
        if status == 429:
            self.limit(max(self.silent_until_ms - web.now_ms(), retry.max_delay_ms), failure)
        else:
            self.exhausted[key] = Rejected(types.RejectionKind.EXHAUSTED, failure, status)
        return None

    def limit(self, silence_ms: int, reason: str) -> None:
        self.halt(types.Stop_RateLimited(types.RateLimit(silence_ms, self.upstream, reason, [])))

    def halt(self, stop: types.Stop) -> None:
        self.halted, self.stop = True, stop

    def cut(
        self, key: Key, values: Values, body: bytes
    ) -> tuple[list[str], list[types.RejectedRecord]]:
        documents: list[str] = []
        rejected: list[types.RejectedRecord] = []
        for index, record in enumerate(records(body)):
            try:
                documents.append(write(self.document(values, record)))
            except Missing as missing:
                rejected.append(
                    types.RejectedRecord(
                        types.Request(*key), index, missing.kind, missing.path, missing.reason
                    )
                )
        return documents, rejected

    def document(self, values: Values, record: Values) -> Values:
        known = {**values, **{f"record:/{name}": value for name, value in record.items()}}
        for path in self.required:
            if path.removeprefix("/") not in record:
                raise Missing(types.RejectionKind.REQUIRED, path, f"there is no {path}")
        added: Values = {name: fill(value, known) for name, value in self.source.attributes.items()}
        for name in added.keys() & record.keys():
            raise Missing(types.RejectionKind.CLASH, f"/{name}", f"the record has its own {name}")
        return {**added, **record}

    def close(self, given: list[Key]) -> wit.Extraction:
        """Every list in the order of `given`, whichever was answered first."""
        done = [key for key in given if key in self.documents]
        if done:
            # Others succeeded meanwhile, so the source isn't unavailable.
            self.rejected |= self.exhausted
        elif self.exhausted and self.stop is None:
            reason = str(next(iter(self.exhausted.values())))
            self.stop = types.Stop_Unavailable(types.StopReason(self.upstream, reason))
        settled = self.documents | self.rejected
        pending = [key for key in given if key not in settled]
        rejected = [
            types.RejectedRequest(types.Request(*key), why.kind, why.status, str(why))
            for key in given
            if (why := self.rejected.get(key)) is not None
        ]
        took = counters(
            source_requests=self.requests, source_retries=self.retries, token_requests=0
        )
        if not done and rejected and all(r.kind == types.RejectionKind.POLICY for r in rejected):
            raise Err(types.Failure_PermanentDenied(types.Problem(rejected[0].reason, took)))
        if not done and not rejected:
            end(self.stop, took)
        return wit.Extraction(
            documents=[document for key in done for document in self.documents[key]],
            done=[wit.DoneRequest(types.Request(*key), len(self.documents[key])) for key in done],
            rejected=rejected,
            rejected_records=[one for key in done for one in self.rejected_records[key]],
            pending=[types.PendingRequest(types.Request(*key), None) for key in pending],
            stopped=self.stop if pending else None,
            counters=took,
        )


class Missing(Exception):
    def __init__(self, kind: types.RejectionKind, path: str, reason: str) -> None:
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
            raise Rejected(types.RejectionKind.TEMPLATE, f"there is no value for {match[0]}")
        return quote(value, safe="") if encode else value

    return PLACE.sub(part, template)


def records(body: bytes) -> list[Values]:
    """Empty fields are left out. Only the value is a number: codes such as
    `0042` would lose their zeros."""
    try:
        text = body.decode().removeprefix("\ufeff")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Rejected(types.RejectionKind.BODY, f"the body is no CSV: {error}") from None
    names = lines[0] if lines else []
    if not set(COLUMNS) <= set(names):
        needed = ", ".join(COLUMNS)
        raise Rejected(types.RejectionKind.BODY, f"the body is no CSV with the columns {needed}")
    found: list[Values] = []
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(names):
            reason = f"line {number} has {len(line)} fields instead of {len(names)}"
            raise Rejected(types.RejectionKind.BODY, reason)
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
