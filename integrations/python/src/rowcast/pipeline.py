"""Rows, documents and queries → calls into the component, in this process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from wasmtime.component import Variant

from rowcast import settings, wire
from rowcast.credentials import ALLOW, Credentials, Environment, Provider, of_process
from rowcast.document import Row, parse, texts
from rowcast.engine import Limits, Loaded, default_cache, digest, load
from rowcast.failure import ComponentError, PermanentInvalid
from rowcast.settings import Given, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rowcast.outcome import (
        Explanation,
        Extraction,
        Mistake,
        Page,
        PendingRequest,
        Remaining,
        Report,
        TransferReport,
    )

COMPONENT = "ROWCAST_COMPONENT"
"""Names the component's file where neither the caller nor the package has one."""

PACKAGED = Path(__file__).with_name("rowcast-standalone.wasm")

Kind: TypeAlias = Literal["source", "table", "query"]
"""Whose settings."""


class Pipeline:
    """The pipeline component, ready to be called; any number of threads may.

    `component` is the standalone component's file or its bytes; by default the
    one that came with this package, or the file that `ROWCAST_COMPONENT` names.

    `environment` is what the component sees of the environment; by default this
    process's `AWS_*` variables that concern DynamoDB, `ROWCAST_ALLOW`, and those that
    a source's credentials may refer to: `"token": "${ROWCAST_SECRET_NAME}"`.
    `credentials` go before those of the environment.

    `allow` lists the origins that source requests may go to. By default these are,
    call by call, the source's and its token endpoint's: give the list if pages lie
    elsewhere, or if a column decides the host.

    `cache` is the directory for the compiled component; false for none.
    """

    def __init__(
        self,
        component: str | os.PathLike[str] | bytes | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        credentials: Credentials | Provider | None = None,
        allow: Iterable[str] | None = None,
        limits: Limits | None = None,
        cache: str | os.PathLike[str] | bool = True,
    ) -> None:
        if isinstance(allow, str):
            raise TypeError("expected origins, got one text; put it into a list")
        self._wasm = _bytes(component)
        self._digest = digest(self._wasm)
        self._environment = Environment(
            variables=dict(of_process() if environment is None else environment),
            credentials=credentials,
            allow=None if allow is None else tuple(allow),
        )
        self.limits = limits or Limits()
        if isinstance(cache, bool):
            self._cache = default_cache() if cache else None
        else:
            self._cache = Path(cache)

    def __repr__(self) -> str:
        return f"Pipeline({self._digest[:12]}, {self._environment!r}, {self.limits!r})"

    def extract(
        self,
        source: Given,
        rows: Iterable[Row],
        *,
        only: Iterable[PendingRequest] | None = None,
        budget_ms: int | None = None,
    ) -> Extraction:
        """Makes one request per row and combination, and cuts the answers into documents.

        `only` restricts the call to those requests. What isn't finished when the
        budget runs out is pending.
        """
        source = Settings.of(source)
        arguments = (source.json, texts(rows), wire.pending(only))
        environment = self._environment.for_source(lambda: self._origins(source))
        return wire.extraction(self._call("extract", "extract", arguments, budget_ms, environment))

    def load(
        self, table: Given, documents: Iterable[Row], *, budget_ms: int | None = None
    ) -> Report:
        """Writes documents; of several with one key the last wins."""
        arguments = (Settings.of(table).json, texts(documents))
        environment = self._environment.for_dynamodb()
        return wire.report(self._call("load", "load", arguments, budget_ms, environment))

    def transfer(
        self,
        source: Given,
        table: Given,
        rows: Iterable[Row],
        remaining: Remaining | None = None,
        *,
        budget_ms: int | None = None,
    ) -> TransferReport:
        """`extract` and `load` of everything, or of what an earlier call left.

        `Transfer` calls it until nothing remains.
        """
        source = Settings.of(source)
        arguments = (
            source.json,
            Settings.of(table).json,
            texts(rows),
            wire.remaining(remaining),
        )
        environment = self._environment.for_transfer(lambda: self._origins(source))
        answer = self._call("transfer", "transfer", arguments, budget_ms, environment)
        return wire.transfer_report(answer)

    def page(
        self, query: Given, cursor: str | None = None, *, budget_ms: int | None = None
    ) -> Page:
        """Answers one page; the next follows its cursor.

        A page without documents but with a cursor is not the end.
        """
        arguments = (Settings.of(query).json, cursor)
        environment = self._environment.for_dynamodb()
        return wire.page(self._call("query", "query", arguments, budget_ms, environment))

    def query(self, query: Given, *, budget_ms: int | None = None) -> Iterator[Page]:
        """The pages, each asked for when it's needed; the budget is each page's own."""
        cursor: str | None = None
        while True:
            page = self.page(query, cursor, budget_ms=budget_ms)
            yield page
            cursor = page.cursor
            if cursor is None:
                return

    def documents(self, query: Given) -> Iterator[dict[str, Any]]:
        """What the query finds, a document at a time, digits kept."""
        for page in self.query(query):
            yield from map(parse, page.documents)

    def explain(self, query: Given, *, budget_ms: int | None = None) -> Explanation:
        """Why nothing matched: what the items lack, or hold with another type."""
        arguments = (Settings.of(query).json,)
        environment = self._environment.for_dynamodb()
        answer = self._call("query", "explain", arguments, budget_ms, environment)
        return wire.explanation(answer)

    def validate(self, kind: Kind, given: Given) -> list[Mistake]:
        """Everything that is wrong with settings, as far as it shows without a call."""
        return wire.mistakes(self._describe("validate", kind, Settings.of(given).json))

    def origins(self, source: Given) -> list[str]:
        """The origins that a source's requests go to."""
        answer = self._describe("origins", Settings.of(source).json)
        # Both cases are lists, so that wasmtime-py says which it is.
        if answer.tag == "ok":
            found: list[str] = answer.payload
            return found
        wrong = wire.mistakes(answer.payload)
        raise PermanentInvalid("; ".join(f"`{one.pointer}` {one.message}" for one in wrong))

    def combinations(self, source: Given) -> int:
        """How many requests a source makes for each row."""
        described = self._describe("describe")
        presets = {one.name: Settings(one.source) for one in described.presets}
        return settings.combinations(Settings.of(source), presets)

    def prepare(self) -> None:
        """Compiles the component now, or takes it from the cache.

        The first call does it otherwise. A deployment that does it once, when it
        builds its image, spares every worker the seconds.
        """
        self._loaded()

    def _call(
        self,
        interface: str,
        function: str,
        arguments: tuple[object, ...],
        budget_ms: int | None,
        environment: Mapping[str, str],
    ) -> Any:
        """What the function answers; its `failure` is raised."""
        most = self.limits.budget_ms
        budget = most if budget_ms is None else min(budget_ms, most)
        answer = self._loaded().call(
            interface, function, (*arguments, budget), environment, self.limits
        )
        if isinstance(answer, Variant):
            raise wire.failure(answer)
        return answer

    def _describe(self, function: str, *arguments: object) -> Any:
        """Needs no environment, and gets none but the order to reach nothing."""
        return self._loaded().call("describe", function, arguments, {ALLOW: ""}, self.limits)

    def _origins(self, source: Settings) -> list[str]:
        """Those that no template decides row by row.

        None where the settings are wrong: the call itself says why.
        """
        try:
            return [origin for origin in self.origins(source) if "{" not in origin]
        except PermanentInvalid:
            return []

    def _loaded(self) -> Loaded:
        return load(self._wasm, self._digest, self._cache)


def _bytes(component: str | os.PathLike[str] | bytes | None) -> bytes:
    if isinstance(component, bytes):
        return component
    if component is None:
        named = os.environ.get(COMPONENT)
        component = named or PACKAGED
        if not Path(component).is_file():
            raise ComponentError(
                f"find the component: there is no {component}; write it by"
                f" `rowcast component --standalone --output FILE` and name it by {COMPONENT}"
            )
    try:
        return Path(component).read_bytes()
    except OSError as error:
        raise ComponentError(f"read the component {component}: {error.strerror}") from error
