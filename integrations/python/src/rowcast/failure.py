"""Why a call achieved nothing → an exception for each case of the WIT's `failure`.

Whatever a call did achieve is in its result instead, with the rest listed as
rejected or pending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping


class RowcastError(Exception):
    """Everything this package raises of its own."""


class ComponentError(RowcastError):
    """The component can't be found, read or compiled, or isn't a pipeline."""


class Failure(RowcastError):
    """A call achieved nothing; the class says whether repeating it can help."""

    case: ClassVar[str] = "failure"
    """The case's name in the WIT."""

    def __init__(self, reason: str, counters: Mapping[str, float] | None = None) -> None:
        # What isn't an argument of Exception is pickled as an attribute: workers
        # hand their exceptions to other processes.
        super().__init__(reason)
        self.reason = reason
        self.counters = dict(counters or {})
        """What the call took all the same."""

    @property
    def permanent(self) -> bool:
        """Whether repeating the same call can't help."""
        return isinstance(self, PermanentFailure)


class ExecutionFailed(Failure):
    """The component trapped, or ran longer than its time limit."""

    case = "execution-failed"


class Unavailable(Failure):
    """May succeed if the same call is repeated."""

    case = "unavailable"


class RateLimited(Failure):
    """May succeed once `retry_after_ms` has passed."""

    case = "rate-limited"

    def __init__(
        self,
        reason: str,
        retry_after_ms: int,
        upstream: str = "",
        counters: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(reason, counters)
        # The arguments that it is made of again when it's unpickled.
        self.args = (reason, retry_after_ms, upstream)
        self.retry_after_ms = retry_after_ms
        self.upstream = upstream
        """Whose limit it is: an origin, or `dynamodb:` and the table's name."""

    @property
    def retry_after(self) -> float:
        """How long to wait before the next call, in seconds from now."""
        return self.retry_after_ms / 1000

    def __str__(self) -> str:
        whose = f"{self.upstream}: " if self.upstream else ""
        return f"{whose}{self.reason} (again in {self.retry_after:g} s)"


class PermanentFailure(Failure):
    """Repeating the same call can't help."""


class PermanentInvalid(PermanentFailure):
    """The caller's settings or input are wrong."""

    case = "permanent-invalid"


class PermanentDenied(PermanentFailure):
    """The upstream refuses these credentials or this use."""

    case = "permanent-denied"
