"""A DAG: every artist's top tracks, from PostgreSQL's rows into DynamoDB, each night.

Needs three connections: `artists` (PostgreSQL), `spotify` (login and password are
the app's client id and secret, the extra is
`{"token_url": "https://accounts.spotify.com/api/token"}`) and `aws_default`.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection, dag, task

from rowcast.airflow import transfer

if TYPE_CHECKING:
    from collections.abc import Iterable

CHUNK_ROWS = 500

SOURCE = {
    "url": "https://api.spotify.com/v1/artists/{id}/top-tracks?market={country}",
    "matrix": {"country": ["US", "CA"]},
    "records": "/tracks",
    "attributes": {
        "artist_id": "{id}",
        "country": "{country}",
        "country_track": "{country}#{record:/id}",
    },
    "require": ["/id", "/popularity"],
}


def query(text: str, *values: object) -> list[Any]:
    """Rows of the database that the connection `artists` names."""
    # Imported where it's used: the scheduler reads this file often.
    import psycopg  # noqa: PLC0415

    address = Connection.get("artists").get_uri()
    with psycopg.connect(address) as database:
        found: list[Any] = database.execute(text, values).fetchall()
    return found


def artists(chunk: dict[str, str]) -> Iterable[str]:
    """On the worker: the rows of one range of keys, as JSON text."""
    found = query(
        "SELECT row_to_json(r)::text FROM (SELECT id FROM artists WHERE id >= %s AND id <= %s"
        " ORDER BY id) r",
        chunk["first"],
        chunk["last"],
    )
    return [row for (row,) in found]


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False)
def top_tracks() -> None:
    """Artists in chunks → their top tracks."""

    @task
    def chunks() -> list[dict[str, str]]:
        found = query(
            "SELECT min(id), max(id) FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / %s"
            " AS chunk FROM artists) r GROUP BY chunk ORDER BY chunk",
            CHUNK_ROWS,
        )
        return [{"first": first, "last": last} for first, last in found]

    transfer(
        task_id="top_tracks",
        chunks=chunks(),
        read=artists,
        source=SOURCE,
        table={"name": "top_tracks"},
        source_conn_id="spotify",
        aws_conn_id="aws_default",
        # How many chunks ask Spotify at once, on all workers together.
        pool="spotify",
        most_rejected=100,
    )


top_tracks()
