"""A folder of DAGs → a whole Airflow: API server, scheduler and worker processes.

Its database is SQLite's; what happened is read from there.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROGRAM = str(Path(sys.executable).with_name("airflow"))
TRIGGER = """
import json, sys
from airflow.api.client import get_current_api_client
client = get_current_api_client()
for name, conf in json.loads(sys.argv[2]).items():
    client.trigger_dag(sys.argv[1], run_id=name, conf=conf)
"""
WORKERS = 4
READY_SECONDS = 300
COMMAND_SECONDS = 300
RUN_SECONDS = 600
POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Try:
    """A task's latest try."""

    task: str
    map_index: int
    number: int
    state: str | None
    pid: int | None
    begun: str | None
    ended: str | None


@dataclass(frozen=True, slots=True)
class Engine:
    """A running Airflow."""

    home: Path
    environment: Mapping[str, str]

    def trigger(self, dag: str, runs: Mapping[str, dict[str, Any]]) -> None:
        """Starts runs; each name has its configuration. Airflow takes seconds to load, once."""
        self.run(sys.executable, "-c", TRIGGER, dag, json.dumps(runs))

    def wait(self, run: str) -> str:
        """The run's final state."""
        end = time.monotonic() + RUN_SECONDS
        while time.monotonic() < end:
            ((state,),) = self.ask("SELECT state FROM dag_run WHERE run_id = ?", run)
            if state in {"success", "failed"}:
                return str(state)
            time.sleep(POLL_SECONDS)
        raise RuntimeError(f"run {run} doesn't end: {self.tries(run)}")

    def tries(self, run: str, task: str = "%") -> list[Try]:
        """The latest try of each of a run's tasks."""
        return [
            Try(*row)
            for row in self.ask(
                "SELECT task_id, map_index, try_number, state, pid, start_date, end_date"
                " FROM task_instance WHERE run_id = ? AND task_id LIKE ?"
                " ORDER BY task_id, map_index",
                run,
                task,
            )
        ]

    def answer(self, run: str, task: str) -> Any:
        """What a task returned."""
        ((value,),) = self.ask(
            "SELECT value FROM xcom WHERE run_id = ? AND task_id = ? AND key = 'return_value'",
            run,
            task,
        )
        value = json.loads(value)
        return json.loads(value) if isinstance(value, str) else value

    def ask(self, query: str, *values: str) -> list[Any]:
        """Rows of Airflow's database."""
        file = f"file:{self.home}/airflow.db?mode=ro"
        with closing(sqlite3.connect(file, uri=True, timeout=30)) as database:
            return database.execute(query, values).fetchall()

    def command(self, *arguments: str) -> None:
        """Runs one of Airflow's own commands to its end."""
        self.run(PROGRAM, *arguments)

    def run(self, *command: str) -> None:
        """Runs a command in Airflow's environment to its end."""
        done = subprocess.run(
            command,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
        if done.returncode:
            shown = done.stdout[-2000:] + done.stderr[-2000:]
            raise RuntimeError(f"{' '.join(command[:3])} failed: {shown}")

    def logs(self) -> str:
        """What the programs and tasks wrote."""
        return "\n".join(
            file.read_text(errors="replace") for file in sorted(self.home.rglob("*.log"))
        )


@contextmanager
def airflow_engine(home: Path, dags: Path, variables: Mapping[str, str]) -> Iterator[Engine]:
    """An Airflow that ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__PORT": port,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": str(WORKERS),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "PATH": f"{Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}",
    }
    engine = Engine(home, {**os.environ, **settings, **variables})
    engine.command("db", "migrate")
    # Written to the database once: no program has to look for changed DAGs.
    engine.command("dags", "reserialize")
    with ExitStack() as running:
        server = running.enter_context(_program(engine, "api-server", "--host", "127.0.0.1"))
        _wait_for(int(port), server, engine)
        running.enter_context(_program(engine, "scheduler"))
        yield engine


@contextmanager
def _program(engine: Engine, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with (
        (engine.home / f"{arguments[0]}.log").open("w") as log,
        subprocess.Popen(
            [PROGRAM, *arguments],
            env=engine.environment,
            stdout=log,
            stderr=log,
            # A group of its own, so that its workers can be ended with it.
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            # Whoever ended by itself may be gone with its whole group.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _wait_for(port: int, server: subprocess.Popen[bytes], engine: Engine) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(POLL_SECONDS)
    raise RuntimeError(f"Airflow's API server doesn't answer: {engine.logs()[-3000:]}")
