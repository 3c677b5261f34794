"""The component itself: a source's rows into DynamoDB, and queries of them."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from rowcast import (
    ComponentError,
    Failure,
    PendingRequest,
    PermanentDenied,
    PermanentInvalid,
    Pipeline,
    RateLimited,
    Request,
    Settings,
    StoppedByDenial,
    StoppedByOutage,
    StoppedByRateLimit,
    Tally,
    Transfer,
    Unavailable,
)

from .support.stand_in import TRACKS, Fault

if TYPE_CHECKING:
    from pathlib import Path

    from .support.dynamodb_local import DynamoDb
    from .support.stand_in import StandIn

KEYS = {
    "partition": {"name": "artist_id", "type": "S"},
    "sort": {"name": "country_track", "type": "S"},
}


def rows(count: int) -> list[dict[str, str]]:
    return [{"id": f"a{index}"} for index in range(count)]


def test_rows_to_documents_to_answers(
    pipeline: Pipeline, source: StandIn, dynamodb: DynamoDb, table: str
) -> None:
    extraction = pipeline.extract(source.source(), rows(2))
    expected = [Request(row, combination) for row in (0, 1) for combination in (0, 1)]
    assert [one.request for one in extraction.done] == expected
    assert len(extraction.documents) == 4 * TRACKS
    first = next(extraction.parsed())
    assert first["artist_id"] == "a0"
    assert first["length"] == Decimal("201.50")

    report = pipeline.load({"name": table}, extraction.documents)
    assert (report.written, report.superseded, report.rejected, report.pending) == (12, [], [], [])
    again = pipeline.load({"name": table, "keys": KEYS}, [*extraction.parsed()])
    assert again.written == 12

    found = [*pipeline.documents({"table": table, "filter": "popularity > 90", "segments": 2})]
    assert len(found) == 12
    assert {one["plays"] for one in found} == {12345678901234567890123}
    item = next(item for item in dynamodb.items(table) if item["country_track"] == {"S": "CA#a1-2"})
    assert item["plays"] == {"N": "12345678901234567890123"}


def test_pages(pipeline: Pipeline, table: str) -> None:
    documents = [
        {"artist_id": "a", "country_track": f"{index:04}", "filler": "x" * 3000}
        for index in range(600)
    ]
    assert pipeline.load({"name": table}, documents).written == 600
    # DynamoDB reads 1 MB at a time.
    pages = [*pipeline.query({"table": table, "filter": "artist_id = 'a'"})]
    assert len(pages) > 1
    assert pages[0].access == "query"
    found = [one["country_track"] for page in pages for one in page.parsed()]
    assert found == [f"{index:04}" for index in range(600)]
    limited = {
        "table": table,
        "filter": "artist_id = 'a'",
        "select": ["country_track"],
        "limit": 5,
    }
    assert [*pipeline.documents(limited)][-1] == {"country_track": "0004"}


def test_why_nothing_matches(pipeline: Pipeline, table: str) -> None:
    pipeline.load({"name": table}, [{"artist_id": "a", "country_track": "b", "n": "1"}])
    query = {"table": table, "filter": "n > 1 AND m = 2"}
    assert [*pipeline.documents(query)] == []
    found = pipeline.explain(query).diagnoses
    assert [(one.path, one.missing, one.other_type) for one in found] == [
        ("n", 0, 1),
        ("m", 1, 0),
    ]


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        ({"type": "bearer", "token": "tok"}, "Bearer tok"),
        ({"type": "basic", "username": "u", "password": "p"}, "Basic dTpw"),
        ("client credentials", "Bearer t0ken"),
    ],
)
def test_auth(pipeline: Pipeline, source: StandIn, auth: Any, sent: str) -> None:
    if isinstance(auth, str):
        auth = {
            "type": "client-credentials",
            "token_url": f"{source.origin}/token",
            "client_id": "app",
            "client_secret": "s3cret",
        }
    assert len(pipeline.extract(source.source(auth=auth), rows(1)).done) == 2
    assert {headers["authorization"] for headers in source.headers} == {sent}


@pytest.mark.parametrize(
    ("pagination", "first"),
    [
        (
            {"type": "next-url", "pointer": "/next"},
            Fault(body='{"tracks":[],"next":"/artists/b/tracks?country=DE"}'),
        ),
        (
            {"type": "cursor", "pointer": "/next", "parameter": "country"},
            Fault(body='{"tracks":[],"next":"DE"}'),
        ),
        (
            {"type": "link-header"},
            Fault(
                body='{"tracks":[]}',
                headers={"link": '</artists/b/tracks?country=DE>; rel="next"'},
            ),
        ),
    ],
)
def test_pagination(pipeline: Pipeline, source: StandIn, pagination: Any, first: Fault) -> None:
    source.faults["a0"] = [first]
    asked = source.source(matrix={"country": ["US"]}, pagination=pagination, attributes={})
    assert len(pipeline.extract(asked, rows(1)).documents) == TRACKS
    assert sum(source.requests.values()) == 2


def test_faults_are_told_apart(pipeline: Pipeline, source: StandIn) -> None:
    source.faults = {
        "a0": [Fault(status=500)] * 100,
        "a1": [Fault(status=404, body="gone")],
        "a2": [Fault(body='{"tracks":[{"id":"x"}]}')],
    }
    asked = source.source(matrix={}, attributes={}, url=source.origin + "/artists/{id}/tracks")
    found = pipeline.extract(asked, [*rows(4), {"other": 1}])
    assert [one.request for one in found.done] == [Request(2), Request(3)]
    kinds = [(one.request.row, one.kind, one.status) for one in found.rejected]
    assert kinds == [(1, "status", 404), (4, "template", None)]
    assert [(one.request.row, one.path) for one in found.rejected_records] == [(2, "/popularity")]
    # The others were done before its attempts ran out: it may be an outage.
    assert [one.request for one in found.pending] == [Request(0)]
    assert isinstance(found.stopped, StoppedByOutage)
    assert found.counters["source.retries"] == 2
    again = pipeline.extract(asked, rows(4), only=[*found.pending, PendingRequest(Request(3))])
    for _ in range(9):
        if again.rejected:
            break
        again = pipeline.extract(asked, rows(4), only=again.pending)
    assert [(one.kind, one.status) for one in again.rejected] == [("exhausted", 500)]


def test_half_a_character_is_rejected_alone(pipeline: Pipeline, source: StandIn) -> None:
    found = pipeline.extract(source.source(), [{"id": "\ud800"}, *rows(1)])
    assert [(one.request.row, one.kind) for one in found.rejected] == [(0, "template")] * 2
    assert len(found.done) == 2


LIMITED = Fault(
    status=429, body='{"error":{"message":"QUOTA_EXCEEDED"}}', headers={"retry-after": "60"}
)


def test_partly_done(pipeline: Pipeline, source: StandIn) -> None:
    source.faults["a1"] = [LIMITED] * 9
    found = pipeline.extract(source.source(concurrency=1), rows(3))
    assert [one.request.row for one in found.done] == [0, 0]
    assert len(found.pending) == 4
    match found.stopped:
        case StoppedByRateLimit(retry_after_ms=wait):
            assert 55_000 < wait <= 60_000
        case other:
            pytest.fail(f"stopped by {other}")


@pytest.mark.parametrize(
    ("fault", "raised", "shown"),
    [
        (LIMITED, RateLimited, "QUOTA_EXCEEDED"),
        (Fault(status=401), PermanentDenied, "401"),
    ],
)
def test_failures(
    pipeline: Pipeline, source: StandIn, fault: Fault, raised: type[Failure], shown: str
) -> None:
    source.faults["a0"] = [fault] * 9
    with pytest.raises(raised, match=shown) as caught:
        pipeline.extract(source.source(), rows(1))
    if isinstance(caught.value, RateLimited):
        assert 55 < caught.value.retry_after <= 60


def test_an_outage_can_be_gone_on_after(
    pipeline: Pipeline, source: StandIn, dynamodb: DynamoDb, table: str
) -> None:
    down = [Fault(status=500)] * 6
    source.faults["a0"] = [*down]
    found = pipeline.extract(source.source(), rows(1))
    match found.stopped:
        case StoppedByOutage(upstream=upstream, reason=reason):
            assert upstream == source.origin
            assert "500" in reason
        case other:
            pytest.fail(f"stopped by {other}")
    assert [one.request for one in found.pending] == [Request(0, 0), Request(0, 1)]
    again = pipeline.extract(source.source(), rows(1), only=found.pending)
    assert len(again.done) == 2

    source.faults["a0"] = [*down]
    transfer = Transfer.of(pipeline, source.source(), {"name": table}, rows(1))
    with pytest.raises(Unavailable, match="500"):
        transfer.run()
    later = Transfer.of(pipeline, source.source(), {"name": table}, rows(1))
    assert later.resume(transfer.state())
    tally = later.run()
    assert (tally.requests, tally.written) == (8, len(dynamodb.items(table)))


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({"url": "{id"}, "template"),
        ({"concurrency": 0}, "concurrency"),
        ({"retry": {"max_attempts": 0}}, "attempts"),
    ],
)
def test_wrong_configuration(
    pipeline: Pipeline, source: StandIn, changed: dict[str, Any], shown: str
) -> None:
    with pytest.raises(PermanentInvalid, match=shown):
        pipeline.extract(source.source(**changed), rows(1))


def test_no_such_table(pipeline: Pipeline) -> None:
    with pytest.raises(PermanentInvalid, match="nowhere"):
        pipeline.load({"name": "nowhere"}, [{"artist_id": "a"}])
    with pytest.raises(PermanentInvalid, match="column"):
        pipeline.page({"table": "nowhere", "filter": "a >"})


def test_other_origins_are_refused(component: Path, cache: Path, source: StandIn) -> None:
    elsewhere = Pipeline(component, environment={}, allow=["https://a.example"], cache=cache)
    found: Any
    try:
        found = elsewhere.extract(source.source(), rows(1)).rejected[0].kind
    except PermanentDenied:
        found = "policy"
    assert found == "policy"
    assert not source.requests
    # A page of the source's that leads elsewhere is not followed.
    source.faults["a0"] = [Fault(body='{"tracks":[],"next":"http://127.0.0.2:9/"}')]
    asked = source.source(attributes={}, pagination={"type": "next-url", "pointer": "/next"})
    pipeline = Pipeline(component, environment={}, cache=cache)
    denied = pipeline.extract(asked, rows(1))
    assert [one.kind for one in denied.rejected] == ["body"]
    assert "another origin" in denied.rejected[0].reason


def test_credentials_may_be_named(component: Path, cache: Path, source: StandIn) -> None:
    environment = {"ROWCAST_SECRET_API": "t0ken", "AWS_SECRET_ACCESS_KEY": "key"}
    pipeline = Pipeline(component, environment=environment, cache=cache)
    found = pipeline.extract(
        source.source(auth={"type": "bearer", "token": "${ROWCAST_SECRET_API}"}), rows(1)
    )
    assert len(found.done) == 2
    assert {headers["authorization"] for headers in source.headers} == {"Bearer t0ken"}
    for other in ("${ROWCAST_SECRET_NONE}", "${AWS_SECRET_ACCESS_KEY}"):
        with pytest.raises(PermanentInvalid, match="refers to"):
            pipeline.extract(source.source(auth={"type": "bearer", "token": other}), rows(1))


def test_denied_by_the_source(pipeline: Pipeline, source: StandIn) -> None:
    source.faults["a1"] = [Fault(status=401)]
    found = pipeline.extract(source.source(concurrency=1), rows(3))
    assert [(one.request, one.status) for one in found.rejected] == [(Request(1), 401)]
    assert (len(found.done), found.pending) == (5, [])
    # Whom nothing but refusals are answered isn't allowed in.
    source.faults = {f"a{index}": [Fault(status=401)] * 2 for index in range(30)}
    found = pipeline.extract(source.source(concurrency=1), [{"other": 1}, *rows(30)])
    assert isinstance(found.stopped, StoppedByDenial)
    assert found.pending
    assert len(found.done) + len(found.rejected) + len(found.pending) == 62


def test_mistakes_are_known_without_a_call(pipeline: Pipeline) -> None:
    wrong = {"url": "https://a/{id}", "concurrency": 0, "recrods": "/tracks"}
    found = pipeline.validate("source", wrong)
    assert {one.pointer for one in found} == {"/concurrency", "/recrods"}
    assert pipeline.validate("source", {"url": "https://a/{id}"}) == []
    assert [one.pointer for one in pipeline.validate("table", {})] == ["/name"]


def test_a_preset_has_combinations(pipeline: Pipeline) -> None:
    assert pipeline.combinations({"preset": "spotify-top-tracks"}) == 2
    one = {"preset": "spotify-top-tracks", "matrix": {"country": ["US"]}}
    assert pipeline.combinations(one) == 1


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"url": "https://api.example.com/v1/{id}"}, ["https://api.example.com"]),
        ({"url": "http://127.0.0.1:80/{id}"}, ["http://127.0.0.1"]),
        (
            {
                "url": "https://a/{id}",
                "auth": {
                    "type": "client-credentials",
                    "token_url": "https://b/t",
                    "client_id": "i",
                    "client_secret": "s",
                },
            },
            ["https://a", "https://b"],
        ),
        ({"url": "https://{host}/v1"}, []),
        ({"url": "{url}"}, []),
        ({"url": "http://u:p@127.0.0.1:80/{id}"}, []),
        ({"url": "https://[::1/{id}"}, []),
    ],
)
def test_the_source_alone_is_allowed(
    component: Path, cache: Path, source: dict[str, Any], expected: list[str]
) -> None:
    pipeline = Pipeline(component, environment={}, cache=cache)
    told = pipeline._origins(Settings.of(source))  # noqa: SLF001 - what `extract` is given
    assert told == expected


def test_threads(pipeline: Pipeline, source: StandIn) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = [*pool.map(lambda _: pipeline.extract(source.source(), rows(20)), range(8))]
    assert {len(one.documents) for one in found} == {20 * 2 * TRACKS}


def test_several_processes(
    component: Path, cache: Path, source: StandIn, dynamodb: DynamoDb, table: str
) -> None:
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        made = (component, cache, dynamodb.environment())
        jobs = [pool.submit(_transfer, made, source.source(), table, number) for number in range(4)]
        assert [job.result().written for job in jobs] == [2 * TRACKS] * 4
    assert len(dynamodb.items(table)) == 8 * TRACKS


def _transfer(
    made: tuple[Path, Path, dict[str, str]], source: dict[str, Any], table: str, number: int
) -> Tally:
    component, cache, environment = made
    pipeline = Pipeline(component, environment=environment, cache=cache)
    return Transfer.of(pipeline, source, {"name": table}, [{"id": f"w{number}"}]).run()


def test_a_late_fork_is_refused(pipeline: Pipeline) -> None:
    pipeline.prepare()
    receive, send = multiprocessing.get_context("fork").Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_say, args=(pipeline, send))
    process.start()
    assert receive.poll(30)
    assert "forked from one that had used it already" in receive.recv()
    process.join(30)


def _say(pipeline: Pipeline, send: Any) -> None:
    try:
        pipeline.prepare()
    except ComponentError as error:
        send.send(str(error))


def test_a_chunk_through_faults(
    pipeline: Pipeline, source: StandIn, dynamodb: DynamoDb, table: str
) -> None:
    for index in range(0, 30, 3):
        source.faults[f"a{index}"] = [Fault(status=502), Fault(cut=True)]
    source.faults["a7"] = [Fault(status=404)]
    quick = source.source(retry={"max_attempts": 5, "base_delay_ms": 1, "max_delay_ms": 5})
    tally = Transfer.of(pipeline, quick, {"name": table}, rows(30)).run()
    assert (tally.rows, tally.planned, tally.done, tally.rejected) == (30, 60, 59, 1)
    assert tally.written == len(dynamodb.items(table)) == 59 * TRACKS
    assert tally.requests == sum(source.requests.values())
