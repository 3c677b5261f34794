"""A whole Airflow with several workers, a source with faults and a real DynamoDB."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .support.airflow_engine import RUN_SECONDS, Engine, airflow_engine
from .support.stand_in import TRACKS, Fault, StandIn, stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .support.dynamodb_local import DynamoDb

pytestmark = pytest.mark.engine

SECRET = "connection-s3cret"
LITERAL = "literal-s3cret"
TABLE = "airflow_tracks"
WAIT = 4


@pytest.fixture(scope="module")
def tracks() -> Iterator[StandIn]:
    with stand_in() as found:
        yield found


@pytest.fixture(scope="module")
def airflow(
    tmp_path_factory: pytest.TempPathFactory,
    tracks: StandIn,
    dynamodb: DynamoDb,
    component: Path,
    cache: Path,
) -> Iterator[Engine]:
    dynamodb.create(TABLE)
    variables = {
        "AIRFLOW_CONN_TRACKS": json.dumps({"conn_type": "http", "password": SECRET}),
        "AIRFLOW_CONN_DYNAMODB": json.dumps(
            {
                "conn_type": "aws",
                "login": "test",
                "password": SECRET,
                "extra": {"region_name": "us-east-1", "endpoint_url": dynamodb.endpoint},
            }
        ),
        "ROWCAST_COMPONENT": str(component),
        "TRACKS_ORIGIN": tracks.origin,
        "TRACKS_TABLE": TABLE,
        "TRACKS_TOKEN": LITERAL,
        "XDG_CACHE_HOME": str(cache),
    }
    script(tracks)
    home = tmp_path_factory.mktemp("airflow")
    with airflow_engine(home, Path(__file__).with_name("dags"), variables) as found:
        found.trigger("tracks", RUNS)
        yield found


RUNS: dict[str, dict[str, Any]] = {
    name: {"prefix": name, "rows": rows, "size": size}
    for name, rows, size in [
        ("killed", 8, 4),
        ("spread", 60, 10),
        ("denied", 4, 2),
        ("rejected", 2, 2),
    ]
}
"""All at once: each spends most of its time waiting for Airflow's scheduler."""


def script(tracks: StandIn) -> None:
    """What happens to whom."""
    tracks.delays = {"spread": 0.1}
    # Neither worker is at its end before one is killed.
    tracks.gates = {"killed": (3, threading.Event())}
    # Of the second chunk, half is done when the source wants a pause; the fourth
    # meets an outage that is longer than a call's own attempts at as many requests
    # as it takes to call it one; the sixth one that isn't.
    tracks.faults["spread15"] = [Fault(status=429, headers={"retry-after": str(WAIT)})]
    for index in range(30, 35):
        tracks.faults[f"spread{index}"] = [Fault(status=503)] * 4
    tracks.faults["spread55"] = [Fault(cut=True)]
    # One that is refused while others aren't would be rejected alone.
    for index in range(2):
        tracks.faults[f"denied{index}"] = [Fault(status=401)] * 9
    tracks.faults["rejected1"] = [Fault(status=404)]


def items(dynamodb: DynamoDb, run: str) -> int:
    return sum(item["artist_id"]["S"].startswith(run) for item in dynamodb.items(TABLE))


def asked(tracks: StandIn, run: str) -> dict[str, int]:
    with tracks.lock:
        return {name: count for name, count in tracks.requests.items() if name.startswith(run)}


# First, as it has to be there in time.
def test_a_killed_worker_loses_nothing(
    airflow: Engine, tracks: StandIn, dynamodb: DynamoDb
) -> None:
    end = time.monotonic() + RUN_SECONDS
    while sum(asked(tracks, "killed").values()) < 4:
        assert time.monotonic() < end, airflow.logs()[-5000:]
        time.sleep(0.05)
    victim = next(one for one in airflow.tries("killed", "tracks") if one.state == "running")
    assert victim.pid
    os.kill(victim.pid, signal.SIGKILL)
    tracks.gates["killed"][1].set()
    assert airflow.wait("killed") == "success", airflow.logs()[-5000:]
    again = next(
        one for one in airflow.tries("killed", "tracks") if one.map_index == victim.map_index
    )
    assert again.number > victim.number
    assert items(dynamodb, "killed") == 16 * TRACKS
    assert airflow.answer("killed", "tracks_counts")["tally"]["written"] == 16 * TRACKS


def test_chunks_through_faults(airflow: Engine, tracks: StandIn, dynamodb: DynamoDb) -> None:
    assert airflow.wait("spread") == "success", airflow.logs()[-5000:]

    chunks = airflow.tries("spread", "tracks")
    assert [chunk.state for chunk in chunks] == ["success"] * 6
    assert [chunk.number for chunk in chunks] == [1, 2, 1, 2, 1, 1]
    assert len({chunk.pid for chunk in chunks}) == 6
    overlapping = sum(
        one.begun < other.ended and other.begun < one.ended
        for one in chunks
        for other in chunks
        if one is not other and one.begun and one.ended and other.begun and other.ended
    )
    assert overlapping, "no two chunks ran at the same time"

    tally = airflow.answer("spread", "tracks_counts")["tally"]
    counted = {name: tally[name] for name in ("rows", "planned", "done", "pending", "written")}
    assert counted == {
        "rows": 60,
        "planned": 120,
        "done": 120,
        "pending": 0,
        "written": 120 * TRACKS,
    }
    assert items(dynamodb, "spread") == 120 * TRACKS
    # What was finished before the pause wasn't asked for again.
    repeated = {name: count for name, count in asked(tracks, "spread").items() if count > 1}
    first, second = tracks.times["spread15/US"]
    assert second - first >= WAIT
    assert set(repeated) <= {"spread15/US", "spread55/US"} | {
        f"spread{n}/{country}" for n in range(30, 40) for country in ("US", "CA")
    }


def test_permanent_failures_are_not_repeated(airflow: Engine) -> None:
    assert airflow.wait("denied") == "failed"
    chunks = airflow.tries("denied", "tracks")
    assert [(chunk.state, chunk.number) for chunk in chunks] == [("failed", 1), ("success", 1)]
    (counts,) = airflow.tries("denied", "tracks_counts")
    assert counts.state == "upstream_failed"


def test_rejections_fail_the_counts(airflow: Engine) -> None:
    assert airflow.wait("rejected") == "failed"
    states = {one.task: (one.state, one.number) for one in airflow.tries("rejected")}
    assert states["tracks"] == ("success", 1)
    assert states["tracks_counts"] == ("failed", 1)


def test_no_secret_is_kept(airflow: Engine) -> None:
    held: list[Any] = []
    for (name,) in airflow.ask("SELECT name FROM sqlite_master WHERE type = 'table'"):
        held += airflow.ask(f'SELECT * FROM "{name}"')  # noqa: S608 - the database's own names
    shown = repr(held) + airflow.logs()
    assert "tracks_counts" in shown
    for secret in (SECRET, LITERAL):
        assert secret not in shown
