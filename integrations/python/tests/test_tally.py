"""Counts balance, or closing them raises."""

from __future__ import annotations

import pickle

import pytest

from rowcast import Failure, PermanentDenied, RateLimited, Tally, Unavailable, UnbalancedError

GOOD = Tally(
    rows=2,
    planned=4,
    done=3,
    rejected=1,
    records=9,
    rejected_records=1,
    documents=8,
    written=5,
    unchanged=1,
    superseded=1,
    rejected_documents=1,
)


def test_balanced() -> None:
    assert GOOD.close(2) == GOOD
    assert GOOD.rejections == 3
    assert (GOOD + GOOD).close(4) == Tally.total([GOOD, GOOD])
    assert Tally.of_dict(GOOD.as_dict()) == GOOD


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (Tally(planned=1), "requests planned 5, accounted for 4"),
        (Tally(records=1), "records received 10, accounted for 9"),
        (Tally(written=1), "documents 8, accounted for 9"),
        (Tally(planned=1, pending=1), "1 of 5 requests are pending"),
        (
            Tally(records=1, documents=1, pending_documents=1),
            "1 of 9 documents are pending",
        ),
        (Tally(rows=1), "rows 2, accounted for 3"),
    ],
)
def test_unbalanced(lost: Tally, message: str) -> None:
    with pytest.raises(UnbalancedError, match=message):
        (GOOD + lost).close(2)


@pytest.mark.parametrize(
    ("failure", "permanent", "shown"),
    [
        (RateLimited("QUOTA_EXCEEDED", 1500), False, "QUOTA_EXCEEDED (again in 1.5 s)"),
        (
            RateLimited("slow", 1500, "https://a", {"n": 1}),
            False,
            "https://a: slow (again in 1.5 s)",
        ),
        (Unavailable("down"), False, "down"),
        (Unavailable("down", {"source.requests": 2}), False, "down"),
        (PermanentDenied("no"), True, "no"),
    ],
)
def test_failures_travel_between_processes(failure: Failure, permanent: bool, shown: str) -> None:
    copy = pickle.loads(pickle.dumps(failure))
    assert (type(copy), copy.args, str(copy)) == (type(failure), failure.args, shown)
    assert copy.permanent is permanent
    assert copy.counters == failure.counters
