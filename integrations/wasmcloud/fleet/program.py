"""A command line → a running program whose output is kept, until it's ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

# Hosts finish the requests they have; all of them take well under this.
PATIENCE_SECONDS = 15.0


class ProgramError(Exception):
    """A program didn't start, or not in time."""


class Program:
    """A child process. Its output goes to a file and can be waited for."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._over = False
        self._killed_at: float | None = None
        try:
            self._process = subprocess.Popen(
                [str(argument) for argument in arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, **(environment or {})},
                # Ctrl-C is for this program alone; it ends the others in order.
                start_new_session=True,
            )
        except OSError as error:
            raise ProgramError(f"start {name}: {error}") from error
        output = self._process.stdout
        assert output is not None
        self._reader = threading.Thread(target=self._read, args=(output, log), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_for(self, pattern: str, seconds: float) -> re.Match[str]:
        """The first line that has the pattern."""
        deadline = time.monotonic() + seconds
        seen = 0
        with self._changed:
            while True:
                for line in self._lines[seen:]:
                    if match := re.search(pattern, line):
                        return match
                seen = len(self._lines)
                left = deadline - time.monotonic()
                if self._over or left <= 0:
                    why = "it ended" if self._over else f"not within {seconds:.0f} s"
                    last = "".join(self._lines[-5:]).strip()
                    raise ProgramError(f"wait for {self.name}: {why}; it said last: {last}")
                self._changed.wait(left)

    def processor_seconds(self) -> float:
        """Processor time it has used, up to its end if it was killed."""
        return cpu_seconds(self.pid) if self._killed_at is None else self._killed_at

    def kill(self) -> None:
        """What `kill -9` does: no time to finish anything."""
        self._killed_at = cpu_seconds(self.pid)
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Asks it to end, and sees to it that it does."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        # A child of its own may live on with the output open.
        self._reader.join(PATIENCE_SECONDS)

    def _read(self, output: IO[str], log: Path) -> None:
        try:
            with output, log.open("w") as file:
                for line in output:
                    file.write(line)
                    file.flush()
                    with self._changed:
                        self._lines.append(line)
                        self._changed.notify_all()
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()


class Programs:
    """Those that run; the last one started ends first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Each is ended, whatever comes of the others: also a second Ctrl-C.
        self._ends = contextlib.ExitStack()

    def start(
        self,
        name: str,
        arguments: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
    ) -> Program:
        program = Program(name, arguments, self.folder / f"{name}.log", environment)
        self._ends.callback(program.end)
        return program

    def end(self) -> None:
        self._ends.close()


@contextlib.contextmanager
def programs(folder: Path) -> Iterator[Programs]:
    """Programs that don't outlive the block."""
    running = Programs(folder)
    try:
        yield running
    finally:
        running.end()


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, that of ended children included."""
    try:
        # The name, which may hold spaces, stands in parentheses.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def machine_seconds() -> tuple[float, float]:
    """Processor time of the whole machine: in use, and in all."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    tick = os.sysconf("SC_CLK_TCK")
    return (sum(fields) - fields[3] - fields[4]) / tick, sum(fields) / tick
