"""Rows, documents and questions → calls into the component, in this process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rowcast import wire
from rowcast.credentials import Credentials, Environment, Provider, of_process
from rowcast.document import Row, parse, texts
from rowcast.engine import Limits, Loaded, default_cache, digest, load
from rowcast.failure import ComponentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rowcast.outcome import Answer, Explanation, Extraction, Report
    from rowcast.source import Cell, Question, Source, Table

COMPONENT = "ROWCAST_COMPONENT"
"""Names the component's file where neither the caller nor the package has one."""

PACKAGED = Path(__file__).with_name("rowcast-standalone.wasm")


class Pipeline:
    """The pipeline component, ready to be called; any number of threads may.

    `component` is the standalone component's file or its bytes; by default the
    one that came with this package, or the file that `ROWCAST_COMPONENT` names.

    `environment` is what the component sees of the environment; by default this
    process's `AWS_*` variables that concern DynamoDB, `ROWCAST_ALLOW`, and those that
    a source's credentials may refer to: `Bearer("${ROWCAST_SECRET_NAME}")`.
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
        source: Source,
        rows: Iterable[Row],
        *,
        only: Iterable[Cell] | None = None,
        budget_ms: int | None = None,
    ) -> Extraction:
        """Makes one request per row and combination, and cuts the answers into documents.

        `only` restricts the call to those cells. What isn't finished when the
        budget runs out is pending.
        """
        arguments = (wire.source(source), texts(rows), wire.cells(only))
        environment = self._environment.for_source(source)
        return wire.extraction(self._call("extract", "extract", arguments, budget_ms, environment))

    def load(
        self, table: Table, documents: Iterable[Row], *, budget_ms: int | None = None
    ) -> Report:
        """Writes documents; of several with one key the last wins."""
        arguments = (wire.table(table), texts(documents))
        return wire.report(self._call("load", "load", arguments, budget_ms))

    def page(
        self, question: Question, cursor: str | None = None, *, budget_ms: int | None = None
    ) -> Answer:
        """Answers one page; the next follows its cursor.

        A page without documents but with a cursor is not the end.
        """
        arguments = (wire.question(question), cursor)
        return wire.answer(self._call("query", "query", arguments, budget_ms))

    def query(self, question: Question, *, budget_ms: int | None = None) -> Iterator[Answer]:
        """The pages, each asked for when it's needed; the budget is each page's own."""
        cursor: str | None = None
        while True:
            answer = self.page(question, cursor, budget_ms=budget_ms)
            yield answer
            cursor = answer.cursor
            if cursor is None:
                return

    def documents(self, question: Question) -> Iterator[dict[str, Any]]:
        """What the question finds, a document at a time, digits kept."""
        for answer in self.query(question):
            yield from map(parse, answer.documents)

    def explain(self, question: Question, *, budget_ms: int | None = None) -> Explanation:
        """Why nothing matched: what the items lack, or hold with another type."""
        arguments = (wire.question(question),)
        return wire.explanation(self._call("query", "explain", arguments, budget_ms))

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
        environment: Mapping[str, str] | None = None,
    ) -> Any:
        if environment is None:
            environment = self._environment.for_dynamodb()
        most = self.limits.budget_ms
        budget = most if budget_ms is None else min(budget_ms, most)
        return self._loaded().call(
            interface, function, (*arguments, budget), environment, self.limits
        )

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
