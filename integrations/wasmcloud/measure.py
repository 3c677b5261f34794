#!/usr/bin/env python3
"""Nothing → the component on one, two and four wasmCloud hosts, one of them
killed in the middle, and a table of what that cost. Ends with 1 if anything is
lost, different or written that wasn't asked for."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fleet import check
from fleet.cluster import Cluster, Host, fill, find_program
from fleet.nats import NatsError
from fleet.program import (
    ProgramError,
    Programs,
    machine_seconds,
    programs,
)
from fleet.work import Chunk, Job, Refused, Run, Tally, Unfinished

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent


@dataclass
class Options:
    """The command line."""

    rowcast: Path
    wash: Path
    artists: int
    chunk: int
    latency: int
    concurrency: int
    in_flight: int
    hosts: list[int]
    keep_logs: Path | None


@dataclass
class Processors:
    """Processor time in seconds, by who used it."""

    hosts: float
    # The source and DynamoDB, which are one process.
    servers: float
    client: float
    # The whole machine's, others' included.
    busy: float
    available: float

    def __sub__(self, before: Processors) -> Processors:
        return Processors(
            self.hosts - before.hosts,
            self.servers - before.servers,
            self.client - before.client,
            self.busy - before.busy,
            self.available - before.available,
        )


@dataclass
class Measurement:
    """A run, and what the machine did meanwhile."""

    name: str
    tally: Tally
    calls_in_flight: int
    used: Processors


class Stage:
    """The source, DynamoDB and the cluster: what every run shares."""

    def __init__(self, options: Options, running: Programs) -> None:
        self.options = options
        self.running = running
        self.servers = running.start(
            "servers",
            [
                options.rowcast,
                "demo",
                "--serve",
                "--quiet",
                "--artists",
                str(options.artists),
                "--latency",
                str(options.latency),
            ],
        )
        self.at: Mapping[str, str] = json.loads(self.servers.wait_for(r"^\{.*\}$", 120)[0])
        self.rows = rows(self.at)
        self.wanted = check.expected(self.at, self.rows)
        self.cluster = Cluster(running, self.options.wash)
        self.hosts: list[Host] = []
        self.tables = 0
        self.workload = self._push()

    def _push(self) -> Mapping[str, Any]:
        """Puts the component into the registry; what hosts start."""
        values = {
            "REGION": self.at["region"],
            "ACCESS_KEY_ID": "demo",
            "SECRET_ACCESS_KEY": "demo",
            "SOURCE": urlsplit(self.at["source"]).netloc,
            "DYNAMODB": urlsplit(self.at["dynamodb"]).netloc,
            "CLIENT_ID": self.at["client_id"],
            "CLIENT_SECRET": self.at["client_secret"],
        }
        values["IMAGE"] = self._image("service")
        workload: Mapping[str, Any] = fill(HERE / "workload.json", values)
        return workload

    def _image(self, kind: str) -> str:
        file = self.running.folder / f"rowcast-{kind}.wasm"
        command: list[str | Path] = [
            self.options.rowcast,
            "component",
            f"--{kind}",
            "--output",
            file,
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        say(f"  {file.name:24} {file.stat().st_size:,} bytes")
        return self.cluster.push(f"rowcast-{kind}", file)

    def grow(self, count: int) -> None:
        """Starts hosts until there are so many."""
        while len(self.hosts) < count:
            host = self.cluster.start_host(f"host-{len(self.hosts) + 1}")
            self.cluster.start_workload(host, self.workload)
            self.hosts.append(host)
            say(f"  {host.name:24} http://{host.address}  {host.id}")

    def run(self, name: str, hosts: int, in_flight: int, victim: Host | None = None) -> Measurement:
        """One run on a table of its own, checked."""
        self.tables += 1
        table = f"tracks-{self.tables}"
        check.create_table(self.at, table)
        # The hosts have the client's id and secret.
        values = {"URL": self.at["url"], "TOKEN_URL": self.at["token_url"]}
        source = {**fill(HERE / "source.json", values), "concurrency": self.options.concurrency}
        size = self.options.chunk
        chunks = [
            Chunk(number, self.rows[start : start + size])
            for number, start in enumerate(range(0, len(self.rows), size))
        ]
        run = Run(Job(source, {"name": table}), chunks, in_flight)
        taking_part = self.hosts[:hosts]
        before = self._processors(taking_part)
        tally = run.execute(taking_part, (lambda: kill(victim)) if victim else None)
        used = self._processors(taking_part) - before
        differences = check.differences(self.wanted, check.stored(self.at, table))
        for difference in differences[:20]:
            say(f"  {difference}")
        if differences:
            raise Refused(f"{name}: {len(differences)} documents aren't as they should be")
        return Measurement(name, tally, hosts * in_flight, used)

    def _processors(self, hosts: Sequence[Host]) -> Processors:
        busy, available = machine_seconds()
        return Processors(
            hosts=sum(host.program.processor_seconds() for host in hosts),
            servers=self.servers.processor_seconds(),
            client=sum(os.times()[:2]),
            busy=busy,
            available=available,
        )


def kill(host: Host) -> None:
    say(f"  kill -9 {host.name}, with calls in flight")
    host.program.kill()


def rows(at: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The artists, as PostgreSQL has them."""
    query = f"SELECT row_to_json(artist) FROM ({at['query']}) AS artist"
    command = ["psql", at["postgres"], "--no-psqlrc", "-Atc", query]
    # What psql complains of is for whoever started this.
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def milliseconds(durations: Sequence[float]) -> str:
    if len(durations) < 2:
        return "-"
    cuts = statistics.quantiles(durations, n=20)
    return f"{cuts[9] * 1000:.0f} / {cuts[18] * 1000:.0f}"


def table(measurements: Sequence[Measurement]) -> str:
    """Markdown, so that it can go into a document as it is."""
    heads = [
        "run",
        "calls in flight",
        "s",
        "documents/s",
        "ms per extract (median / 95 %)",
        "ms per load",
        "calls by host",
        "calls nobody answered",
        "CPU s: hosts",
        "servers",
        "client",
        "machine busy",
    ]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for one in measurements:
        tally = one.tally
        cells = [
            one.name,
            str(one.calls_in_flight),
            f"{tally.seconds:.1f}",
            f"{tally.documents / tally.seconds:,.0f}",
            milliseconds(tally.extract_seconds),
            milliseconds(tally.load_seconds),
            " + ".join(str(count) for _, count in sorted(tally.calls.items())),
            ", ".join(f"{count} {path}" for path, count in tally.unanswered.items()) or "0",
            f"{one.used.hosts:.1f}",
            f"{one.used.servers:.1f}",
            f"{one.used.client:.1f}",
            f"{one.used.busy / one.used.available:.0%}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def measure(options: Options, running: Programs) -> list[Measurement]:
    say("Starting the source, DynamoDB, NATS and the registry:")
    stage = Stage(options, running)
    requests = len(stage.rows) * len(check.COUNTRIES)
    say(f"  {len(stage.rows)} artists, {requests} requests, {len(stage.wanted):,} documents")
    measurements = []

    def run(name: str, hosts: int, in_flight: int, victim: Host | None = None) -> None:
        say(f"{name}:")
        one = stage.run(name, hosts, in_flight, victim)
        measurements.append(one)
        rate = one.tally.documents / one.tally.seconds
        say(f"  {one.tally.seconds:.1f} s, {rate:,.0f} documents/s; nothing lost, nothing twice")

    try:
        most = max(options.hosts)
        stage.grow(most)
        # Pools and connections are made, so that the first run isn't the slow one.
        run("warm-up", most, options.in_flight)
        measurements.clear()
        for count in options.hosts:
            run(f"{count} host{'s' if count > 1 else ''}", count, options.in_flight)
        run("1 host with the calls of all", 1, options.in_flight * most)
        victim = stage.hosts[most - 1]
        run(f"{most} hosts, one killed", most, options.in_flight, victim)
    finally:
        stage.cluster.close()
    return measurements


def find_rowcast() -> Path:
    for profile in ("release", "debug"):
        file = PROJECT / "target" / profile / "rowcast"
        if file.exists():
            return file
    return Path("rowcast")


def parse(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add(
        "--rowcast",
        type=Path,
        default=find_rowcast(),
        metavar="FILE",
        help="the command (%(default)s)",
    )
    add(
        "--wash",
        type=Path,
        default=Path("wash"),
        metavar="FILE",
        help="the binary itself, since it is killed, not a script that starts it (%(default)s)",
    )
    add("--artists", type=int, default=480, metavar="N", help="rows (%(default)s)")
    add("--chunk", type=int, default=10, metavar="N", help="rows per call (%(default)s)")
    add(
        "--latency",
        type=int,
        default=100,
        metavar="MS",
        help="what the source takes for an answer (%(default)s)",
    )
    add(
        "--concurrency",
        type=int,
        default=2,
        metavar="N",
        help="requests of the source at once within a call (%(default)s)",
    )
    add(
        "--in-flight",
        type=int,
        default=2,
        metavar="N",
        help="calls at once on one host (%(default)s)",
    )
    add(
        "--hosts",
        type=int,
        nargs="+",
        default=[1, 2, 4],
        metavar="N",
        help="how many hosts, run by run (1 2 4)",
    )
    add("--keep-logs", type=Path, metavar="FOLDER", help="leave what the programs said there")
    return Options(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    # Ended by whoever started it, it ends what it started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        find_program("nats-server", "nats-server")
        find_program("docker-registry", "docker-registry")
        find_program("psql", "postgresql-client")
        for name in ("rowcast", "wash"):
            file = getattr(options, name)
            if shutil.which(file) is None:
                raise ProgramError(
                    f"find {file}: name it by `--{name} FILE`, or run `cargo xtask wasmcloud`"
                )
        with tempfile.TemporaryDirectory(prefix="rowcast-wasmcloud-") as scratch:
            folder = options.keep_logs or Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            with programs(folder) as running:
                measurements = measure(options, running)
    except (
        ProgramError,
        NatsError,
        Refused,
        Unfinished,
        check.CheckError,
        OSError,
        subprocess.CalledProcessError,
    ) as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    print(table(measurements))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
