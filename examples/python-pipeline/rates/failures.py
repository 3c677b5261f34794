"""Why a call can't go on → the failure of the WIT that it ends with; what it took."""

from componentize_py_types import Err
from wit_world.imports import rowcast_pipeline_types as types

type Counters = list[types.Counter]


def counters(**figures: float) -> Counters:
    """`source_requests` is `source.requests`, `dynamodb_read_capacity` is
    `dynamodb.read-capacity`."""
    return [
        types.Counter(name.replace("_", ".", 1).replace("_", "-"), float(value))
        for name, value in figures.items()
    ]


def added(some: Counters, more: Counters) -> Counters:
    sums = {one.name: one.value for one in some}
    for one in more:
        sums[one.name] = sums.get(one.name, 0.0) + one.value
    return [types.Counter(name, value) for name, value in sums.items()]


def invalid(reason: str) -> Err[types.Failure]:
    return Err(types.Failure_PermanentInvalid(types.Problem(reason, [])))


def end(stop: types.Stop | None, took: Counters) -> None:
    """Ends a call that achieved nothing. One that is out of budget may go on."""
    match stop:
        case types.Stop_Denied(why):
            raise Err(types.Failure_PermanentDenied(types.Problem(why.reason, took)))
        case types.Stop_Invalid(why):
            raise Err(types.Failure_PermanentInvalid(types.Problem(why.reason, took)))
        case types.Stop_RateLimited(limit):
            raise Err(
                types.Failure_RateLimited(
                    types.RateLimit(limit.retry_after_ms, limit.upstream, limit.reason, took)
                )
            )
        case types.Stop_Unavailable(why):
            raise Err(types.Failure_Unavailable(types.Problem(why.reason, took)))


def as_stop(failure: types.Failure, upstream: str) -> tuple[types.Stop, Counters]:
    """A part's failure as the reason why the whole stopped, and what that part took."""
    match failure:
        case types.Failure_RateLimited(limit):
            bare = types.RateLimit(limit.retry_after_ms, limit.upstream, limit.reason, [])
            return types.Stop_RateLimited(bare), limit.counters
        case types.Failure_Unavailable(problem):
            return types.Stop_Unavailable(
                types.StopReason(upstream, problem.reason)
            ), problem.counters
        case types.Failure_PermanentDenied(problem):
            return types.Stop_Denied(types.StopReason(upstream, problem.reason)), problem.counters
        case types.Failure_PermanentInvalid(problem):
            return types.Stop_Invalid(types.StopReason(upstream, problem.reason)), problem.counters
    raise AssertionError("no call of this pipeline ends in that way")


def with_counters(failure: types.Failure, more: Counters) -> types.Failure:
    """The failure, and what came before it."""
    if not isinstance(failure, types.Failure_ExecutionFailed):
        failure.value.counters = added(more, failure.value.counters)
    return failure
