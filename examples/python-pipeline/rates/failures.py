"""Why a call can't go on → the failure of the WIT that it ends with."""

from componentize_py_types import Err
from wit_world.imports import rowcast_pipeline_types as types


def invalid(reason: str) -> Err[types.Failure]:
    return Err(types.Failure_PermanentInvalid(reason))


def within(name: str, value: int, most: int) -> None:
    """The WIT's bounds: with none at once, or no attempt, nothing would ever end."""
    if not 1 <= value <= most:
        raise invalid(f"{name} is {value}; it must be from 1 to {most}")


def end(stop: types.Stop | None) -> None:
    """Ends a call that achieved nothing. One that is out of budget may go on."""
    match stop:
        case types.Stop_Denied(reason):
            raise Err(types.Failure_PermanentDenied(reason))
        case types.Stop_RateLimited(limit):
            raise Err(types.Failure_RateLimited(limit))
        case types.Stop_Unavailable(reason):
            raise Err(types.Failure_Unavailable(reason))
