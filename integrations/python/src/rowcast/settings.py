"""Settings of sources, tables and queries: JSON objects, passed on as they are.

What they may say is the component's, whose interface `describe` has their JSON
Schemas; so are their defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from rowcast.document import parse, text
from rowcast.failure import PermanentInvalid

SECRET = ("auth", "headers")
"""Members that hold credentials; API keys are sent as headers."""

PACE = ("concurrency", "retry", "request_timeout_ms", "max_body_bytes", "max_pages")
"""Members that say how fast and how patiently, not what is asked for."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a source, a table or a query, whose `repr` has no credentials.

    Airflow stores and shows the `repr` of an operator's arguments, and a traceback
    may: a mapping shows everything.
    """

    json: str = field(repr=False)
    """JSON text of one object."""

    @classmethod
    def of(cls, given: Given) -> Settings:
        """Settings as anybody may write them."""
        match given:
            case Settings():
                return given
            case str():
                return cls(given)
            case Mapping():
                return cls(text(given))
            case _:
                raise TypeError(f"expected settings, got a {type(given).__name__}")

    def members(self) -> dict[str, Any]:
        """What they say, digits kept."""
        try:
            return parse(self.json)
        except (TypeError, ValueError) as error:
            # Not chained: the error of `json` carries the text.
            reason = f"read settings: {error}"
        raise PermanentInvalid(reason)

    def without(self, *names: str) -> dict[str, Any]:
        """What they say, but for those members."""
        return {name: held for name, held in self.members().items() if name not in names}

    def with_auth(self, auth: Mapping[str, Any] | None) -> Settings:
        """The same source, asked with other credentials."""
        others = self.without("auth")
        return Settings.of(others if auth is None else others | {"auth": auth})

    def __repr__(self) -> str:
        try:
            shown = text(self.without(*SECRET))
        except PermanentInvalid:
            shown = "not a JSON object"
        return f"Settings({shown})"


Given: TypeAlias = "Settings | str | Mapping[str, Any]"
"""Settings, JSON text of one object, or a mapping to be written as one."""


def combinations(source: Settings, presets: Mapping[str, Settings]) -> int:
    """How many requests a source makes for each row."""
    members = source.members()
    named = members.get("preset")
    if "matrix" not in members and isinstance(named, str) and named in presets:
        members = presets[named].members()
    matrix = members.get("matrix", {})
    product = 1
    # The component says what is wrong with any other.
    if isinstance(matrix, dict):
        for values in matrix.values():
            product *= len(values) if isinstance(values, list) else 1
    return product
