"""Why a call achieved nothing → an exception for each case of the WIT's `failure`.

Whatever a call did achieve is in its result instead, with the rest listed as
rejected or pending.
"""

from __future__ import annotations

from typing import ClassVar


class RowcastError(Exception):
    """Everything this package raises of its own."""


class ComponentError(RowcastError):
    """The component can't be found, read or compiled, or isn't a pipeline."""


class Failure(RowcastError):
    """A call achieved nothing; the class says whether repeating it can help."""

    case: ClassVar[str] = "failure"
    """The case's name in the WIT."""

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

    def __init__(self, reason: str, retry_after_ms: int) -> None:
        # Both are arguments of Exception, so that it can be pickled: workers
        # hand their exceptions to other processes.
        super().__init__(reason, retry_after_ms)
        self.reason = reason
        self.retry_after_ms = retry_after_ms

    @property
    def retry_after(self) -> float:
        """How long to wait before the next call, in seconds from now."""
        return self.retry_after_ms / 1000

    def __str__(self) -> str:
        return f"{self.reason} (again in {self.retry_after:g} s)"


class PermanentFailure(Failure):
    """Repeating the same call can't help."""


class PermanentInvalid(PermanentFailure):
    """The caller's input or configuration is wrong."""

    case = "permanent-invalid"


class PermanentDenied(PermanentFailure):
    """The upstream refuses these credentials or this use."""

    case = "permanent-denied"
