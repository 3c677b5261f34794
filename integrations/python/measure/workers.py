"""What `rowcast demo --serve` printed → the cost per row and document, as a table.

    rowcast demo --serve --artists 1000 --latency 0 > servers.json &
    python measure/workers.py servers.json

Each number of workers transfers the same rows; each worker is a process of its
own, with one call at a time.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rowcast import Pipeline, Tally, Transfer

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

CHUNK_ROWS = 50
WORKERS = (1, 2, 4)
READY_SECONDS = 60

_pipeline: Pipeline


def main(servers: dict[str, Any]) -> None:
    """Prints the table."""
    say = sys.stdout.write
    with tempfile.TemporaryDirectory() as cache:
        compiled, loaded = start_up(cache), start_up(cache)
        say(f"start-up: {compiled:.2f} s compiled, {loaded * 1000:.1f} ms from the cache\n")
        rows = rows_of(servers)
        chunks = [rows[first : first + CHUNK_ROWS] for first in range(0, len(rows), CHUNK_ROWS)]
        say("workers  seconds  ms/row  ms/document  documents/s  CPU ms/row  MiB/worker\n")
        for workers in WORKERS:
            seconds, cpu, tally, memory = run(servers, chunks, cache, workers)
            say(
                f"{workers:7}  {seconds:7.2f}  {seconds * 1000 / tally.rows:6.2f}"
                f"  {seconds * 1000 / tally.documents:11.3f}"
                f"  {tally.documents / seconds:11.0f}"
                f"  {cpu * 1000 / tally.rows:10.2f}  {memory:10.0f}\n"
            )


def start_up(cache: str) -> float:
    """Seconds until a component is ready, in a process that has none."""
    code = (
        "import sys, time, rowcast; begun = time.perf_counter();"
        " rowcast.Pipeline(cache=sys.argv[1]).prepare(); print(time.perf_counter() - begun)"
    )
    command = [sys.executable, "-c", code, cache]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def rows_of(servers: dict[str, Any]) -> list[str]:
    """The rows, read once and not measured."""
    query = f"SELECT row_to_json(r) FROM ({servers['query']}) r"  # noqa: S608 - the demo's own
    command = ["psql", servers["postgres"], "-Atc", query]
    # What psql complains of is for whoever started this.
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return output.splitlines()


def run(
    servers: dict[str, Any], chunks: list[list[str]], cache: str, workers: int
) -> tuple[float, float, Tally, float]:
    """Seconds, the workers' CPU seconds, counts, and the largest worker's memory in MiB."""
    context = multiprocessing.get_context("spawn")
    # Every worker is there before the clock starts.
    ready = context.Barrier(workers + 1)
    with ProcessPoolExecutor(workers, context, prepare, (servers, cache, ready)) as pool:
        for _ in range(workers):
            pool.submit(int)
        ready.wait(READY_SECONDS)
        begun = time.perf_counter()
        answers = [*pool.map(transfer, [servers] * len(chunks), chunks)]
        seconds = time.perf_counter() - begun
    tally = Tally.total(tally for tally, _, _ in answers).close()
    cpu = sum(cpu for _, cpu, _ in answers)
    return seconds, cpu, tally, max(memory for _, _, memory in answers)


def prepare(servers: dict[str, Any], cache: str, ready: Barrier) -> None:
    """Called in each worker, once."""
    global _pipeline  # noqa: PLW0603 - a worker has one
    environment = {
        "AWS_ENDPOINT_URL_DYNAMODB": servers["dynamodb"],
        "AWS_REGION": servers["region"],
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
    }
    _pipeline = Pipeline(environment=environment, cache=cache)
    _pipeline.prepare()
    ready.wait(READY_SECONDS)


def transfer(servers: dict[str, Any], rows: list[str]) -> tuple[Tally, float, float]:
    """Called in a worker for each chunk."""
    source = {
        "url": servers["url"],
        "matrix": {"country": ["US", "CA"]},
        "records": "/tracks",
        "attributes": {
            "artist_id": "{id}",
            "country": "{country}",
            "country_track": "{country}#{record:/id}",
        },
        "require": ["/id", "/popularity"],
        "auth": {
            "type": "client-credentials",
            "token_url": servers["token_url"],
            "client_id": servers["client_id"],
            "client_secret": servers["client_secret"],
        },
    }
    begun = time.process_time()
    tally = Transfer.of(_pipeline, source, {"name": servers["table"]}, rows).run()
    cpu = time.process_time() - begun
    return tally, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    with Path(sys.argv[1]).open() as file:
        main(json.loads(file.readline()))
