"""The stand-in's tracks, as a DAG; the test says where everything is."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from rowcast.airflow import transfer

ORIGIN = os.environ.get("TRACKS_ORIGIN", "http://127.0.0.1:9")

SOURCE = {
    "url": ORIGIN + "/artists/{id}/tracks?country={country}",
    "matrix": {"country": ["US", "CA"]},
    "records": "/tracks",
    "attributes": {"artist_id": "{id}", "country_track": "{country}#{record:/id}"},
    "require": ["/popularity"],
    "auth": {"type": "bearer", "token": os.environ.get("TRACKS_TOKEN", "")},
    "concurrency": 1,
    "retry": {"max_attempts": 2, "base_delay_ms": 1, "max_delay_ms": 5, "max_retry_after_ms": 50},
}


def rows(chunk: dict[str, Any]) -> list[dict[str, str]]:
    """A chunk is a prefix and a range of numbers."""
    return [{"id": f"{chunk['prefix']}{n}"} for n in range(chunk["first"], chunk["end"])]


@dag(dag_id="tracks", schedule=None, catchup=False)
def tracks() -> None:
    """Rows in chunks → tracks in DynamoDB."""

    @task
    def chunks(dag_run: Any = None) -> list[dict[str, Any]]:
        asked = dag_run.conf
        size, prefix = asked["size"], asked["prefix"]
        return [
            {"prefix": prefix, "first": first, "end": min(first + size, asked["rows"])}
            for first in range(0, asked["rows"], size)
        ]

    transfer(
        task_id="tracks",
        chunks=chunks(),
        read=rows,
        source=SOURCE,
        source_conn_id="tracks",
        aws_conn_id="dynamodb",
        table={"name": os.environ.get("TRACKS_TABLE", "tracks")},
        retry_delay=timedelta(seconds=1),
        retry_exponential_backoff=0,
    )


tracks()
