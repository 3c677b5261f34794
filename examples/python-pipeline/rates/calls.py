"""DynamoDB requests → verdicts on their answers, and whether to ask again."""

import json
from dataclasses import dataclass
from typing import Any

from componentize_py_types import Err, Ok
from wit_world.imports import dynamodb, monotonic_clock
from wit_world.imports import rowcast_pipeline_types as types

import web
from failures import Counters, counters, end
from settings import Retry

# Codes without the `Exception` that most of them end in.
THROTTLED = (
    "LimitExceeded",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "Throttled",
    "Throttling",
    "TooManyRequests",
)
# These pass by themselves: of a skewed clock the host learns by this very answer.
PASSING = ("ReplicatedWriteConflict", "RequestTimeTooSkewed", "TransactionConflict")
# DynamoDB's words on an item of more than 400 KB.
TOO_LARGE = "exceeded the maximum allowed size"
ONE_ITEMS_FAULT = ("ItemCollectionSizeLimitExceeded", "Serialization", "Validation")


# Verdicts on one answer: its body, or why there is none.
@dataclass
class Repeat:
    reason: str
    throttled: bool = False


@dataclass
class Refusal:
    reason: str
    one_items: bool = False
    too_large: bool = False


@dataclass
class Denied:
    reason: str


type Body = dict[str, Any]
type Verdict = Body | Repeat | Refusal | Denied


def verdict(answer: Ok[dynamodb.Response] | Err[dynamodb.SendError]) -> Verdict:
    match answer:
        case Err(dynamodb.SendError_Denied(reason) | dynamodb.SendError_Credentials(reason)):
            return Denied(reason)
        case Err(dynamodb.SendError_TooLarge(reason)):
            return Refusal(reason, one_items=True, too_large=True)
        case Err(other):
            return Repeat(other.value)
        case Ok(response):
            pass
    try:
        body = json.loads(response.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        # Cut short or somebody else's: whether it was carried out isn't known.
        body = {"message": "the body is not a JSON object"}
    elif response.status == 200:
        return body
    kind = str(body.get("__type", f"HTTP {response.status}")).rpartition("#")[2]
    reason = f"{kind}: {body.get('message') or body.get('Message') or 'no reason given'}"
    code = kind.removesuffix("Exception")
    if code in THROTTLED or response.status == 429:
        return Repeat(reason, throttled=True)
    if code in PASSING or response.status >= 500 or response.status == 200:
        return Repeat(reason)
    if code in ONE_ITEMS_FAULT or code == "ResourceNotFound":
        return Refusal(reason, code in ONE_ITEMS_FAULT, TOO_LARGE in reason)
    return Denied(reason)


class Patience:
    """Sends. Rounds without progress are bounded by the attempts, all by the budget."""

    def __init__(self, table: str, retry: Retry, budget_ms: int | None) -> None:
        self.upstream = f"dynamodb:{table}"
        self.retry = retry
        self.ends_ms = web.now_ms() + (10**12 if budget_ms is None else budget_ms)
        self.requests = self.retries = self.failures = 0
        self.last = Repeat("DynamoDB did not answer")
        self.out_of_time = False

    def send(self, operation: str, bodies: list[Body]) -> list[Verdict]:
        self.requests += len(bodies)
        requests = [dynamodb.Request(operation, json.dumps(body)) for body in bodies]
        return [verdict(answer) for answer in dynamodb.send(requests)]

    def ask(self, operation: str, body: Body) -> Body:
        """The answer, or the call's failure."""
        while True:
            match self.send(operation, [body])[0]:
                case Repeat() as failure:
                    self.wait(failure, got_on=False)
                case Refusal(reason):
                    raise Err(types.Failure_PermanentInvalid(self.problem(reason)))
                case Denied(reason):
                    raise Err(types.Failure_PermanentDenied(self.problem(reason)))
                case answer:
                    self.failures = 0
                    return answer
            if not self.lasts():
                end(self.stop(), self.counters())
                raise Err(types.Failure_Unavailable(self.problem("the budget ran out")))
            self.retries += 1

    def wait(self, failure: Repeat, got_on: bool) -> None:
        """Until the next attempt; not at all if there is none."""
        self.last = failure
        self.failures = 1 if got_on else self.failures + 1
        if self.lasts():
            retry = self.retry
            drawn_ms = web.jitter(self.failures - 1, retry.base_delay_ms, retry.max_delay_ms)
            self.rest(drawn_ms)

    def rest(self, wait_ms: int) -> None:
        """For so long, but not beyond the budget."""
        wait_ms = max(0, min(wait_ms, self.ends_ms - web.now_ms()))
        with monotonic_clock.subscribe_duration(wait_ms * web.NANOSECONDS) as timer:
            timer.block()

    def lasts(self) -> bool:
        self.out_of_time = web.now_ms() >= self.ends_ms
        return not self.out_of_time and self.failures < self.retry.max_attempts

    def stop(self) -> types.Stop:
        if self.out_of_time:
            return types.Stop_Budget()
        if self.last.throttled:
            limit = types.RateLimit(1000, self.upstream, self.last.reason, [])
            return types.Stop_RateLimited(limit)
        return types.Stop_Unavailable(self.because(self.last.reason))

    def because(self, reason: str) -> types.StopReason:
        return types.StopReason(self.upstream, reason)

    def problem(self, reason: str) -> types.Problem:
        return types.Problem(reason, self.counters())

    def counters(self, **capacity: float) -> Counters:
        return counters(dynamodb_requests=self.requests, dynamodb_retries=self.retries, **capacity)


def units(consumed: Body | None) -> float:
    return float((consumed or {}).get("CapacityUnits", 0))
