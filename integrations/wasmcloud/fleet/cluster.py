"""Components → workloads on `wash host` processes that share one NATS and one
registry, as the operator of a real cluster starts them."""

from __future__ import annotations

import json
import os
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .nats import Nats
from .program import Program, ProgramError, Programs

START_SECONDS = 60.0
# A workload's start answers once the component is pulled and compiled.
COMPILE_SECONDS = 300.0
HEARTBEATS = "runtime.operator.heartbeat."


@dataclass
class Host:
    """A `wash host`."""

    name: str
    id: str
    address: str
    program: Program


class Cluster:
    """NATS, a registry, and the hosts that were started."""

    def __init__(self, programs: Programs, wash: Path) -> None:
        self._programs = programs
        self._wash = wash
        self._folder = programs.folder
        # wash keeps configuration and caches there.
        self._environment = {"HOME": str(self._folder)}
        self._url = self._start_nats()
        self._registry = self._start_registry()
        self._nats = Nats(self._url)
        self._nats.subscribe(f"{HEARTBEATS}>")

    def _start_nats(self) -> str:
        server = self._programs.start("nats", ["nats-server", "-a", "127.0.0.1", "-p", "-1"])
        listening = server.wait_for(r"client connections on (127\.0\.0\.1:\d+)", START_SECONDS)
        return f"nats://{listening[1]}"

    def _start_registry(self) -> str:
        file = self._folder / "registry.json"
        settings = {
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": str(self._folder / "registry")}},
            "http": {"addr": "127.0.0.1:0"},
        }
        file.write_text(json.dumps(settings))  # JSON is YAML, too.
        registry = self._programs.start("registry", ["docker-registry", "serve", file])
        return registry.wait_for(r"listening on (127\.0\.0\.1:\d+)", START_SECONDS)[1]

    def push(self, name: str, component: Path) -> str:
        """Puts a component into the registry; returns its reference there."""
        image = f"{self._registry}/{name}:1"
        arguments: list[str | Path] = [self._wash, "oci", "push", "--insecure", image, component]
        push = self._programs.start(f"push-{name}", arguments, self._environment)
        push.wait_for("executed successfully", START_SECONDS)
        return image

    def start_host(self, name: str) -> Host:
        """Starts a host and learns from its heartbeat who and where it is."""
        arguments: list[str | Path] = [
            self._wash,
            "host",
            "--host-name",
            name,
            "--scheduler-nats-url",
            self._url,
            "--data-nats-url",
            self._url,
            "--http-addr",
            "127.0.0.1:0",
            # The registry of this machine has no TLS.
            "--allow-insecure-registries",
            "--oci-cache-dir",
            self._folder / f"cache-{name}",
        ]
        program = self._programs.start(name, arguments, self._environment)
        heartbeat = self._nats.next(
            HEARTBEATS, START_SECONDS, lambda heartbeat: heartbeat["hostname"] == name
        )
        return Host(name, heartbeat["id"], f"127.0.0.1:{heartbeat['httpPort']}", program)

    def start_workload(self, host: Host, workload: Mapping[str, Any]) -> None:
        """Starts a workload there and returns once it answers requests."""
        message = {"workloadId": f"rowcast-{host.name}", "workload": workload}
        subject = f"runtime.host.{host.id}.workload.start"
        status = self._nats.request(subject, message, COMPILE_SECONDS)["workloadStatus"]
        if status["workloadState"] != "WORKLOAD_STATE_RUNNING":
            raise ProgramError(f"start the workload on {host.name}: {status['message']}")

    def close(self) -> None:
        self._nats.close()


def fill(manifest: Path, values: Mapping[str, str]) -> Any:
    """A JSON file with `${NAME}` in its texts → what it says."""

    def filled(part: Any) -> Any:
        if isinstance(part, str):
            return string.Template(part).substitute(values)
        if isinstance(part, list):
            return [filled(item) for item in part]
        if isinstance(part, dict):
            return {name: filled(value) for name, value in part.items()}
        return part

    return filled(json.loads(manifest.read_text()))


def find_program(name: str, package: str) -> None:
    """Refuses to go on without a program."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin"]
    if not any(os.access(Path(folder) / name, os.X_OK) for folder in folders if folder):
        raise ProgramError(f"find {name}: on Debian and Ubuntu `apt-get install {package}`")
