"""The component's bytes → a compiled component, instances of it, and calls with an end.

Compiling takes seconds and is done once per machine: what comes out is kept in a
file that other processes map into memory in a millisecond. Every call gets an
instance of its own, so that nothing of one call is there in the next.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmtime import Config, Engine, Store, Trap, WasiConfig, WasmtimeError
from wasmtime.component import Component, Linker

from rowcast.failure import ComponentError, ExecutionFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PACKAGE = "rowcast:pipeline"
VERSION = "0.2.0"
INTERFACES = ("describe", "extract", "load", "transfer", "query")

INTERRUPTED = "wasm trap: interrupt"
"""What wasmtime says of a call that reached its epoch's end."""

TICK_SECONDS = 0.05
"""How exactly a call's time limit is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one call may use; the Rowcast host has the same."""

    call_seconds: float = 120.0
    """Wall time of a call. The component is told a budget below it, so that it
    can return what it has; only one that ignores its budget is ended by this.
    It isn't ended while it waits for the network: that ends by the source's
    `request_timeout_ms`."""
    memory_bytes: int = 256 * 1024 * 1024
    """Linear memory of an instance: a chunk of rows and its documents must fit."""

    @property
    def budget_ms(self) -> int:
        """What the component is told, so that there is time to return."""
        return int(self.call_seconds * 900)


class Clock:
    """Advances an engine's epoch while calls are under way; no thread runs idle."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._calls = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """While inside, the epoch advances every `TICK_SECONDS`."""
        with self._changed:
            if self._thread is None:
                thread = threading.Thread(target=self._tick, name="rowcast-clock", daemon=True)
                # One that can't start isn't kept: calls without a clock have no end.
                thread.start()
                self._thread = thread
            self._calls += 1
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._calls -= 1

    def _tick(self) -> None:
        while True:
            with self._changed:
                while self._calls == 0:
                    self._changed.wait()
            time.sleep(TICK_SECONDS)
            self._engine.increment_epoch()


class Loaded:
    """A component, compiled, in this process."""

    def __init__(self, wasm: bytes, digest: str, cache: Path | None) -> None:
        config = Config()
        config.epoch_interruption = True
        self._engine = Engine(config)
        self._clock = Clock(self._engine)
        try:
            self._component = _compiled(self._engine, wasm, _cached_file(cache, digest))
            self._linker = Linker(self._engine)
            # `wasi:http` names types of `wasi:io` again, which are the same.
            self._linker.allow_shadowing = True
            self._linker.add_wasip2()
            self._linker.add_wasi_http()
        except WasmtimeError as error:
            raise ComponentError(f"compile the component: {_cause(error)}") from error
        exports = self._component.type.exports(self._engine)
        missing = {f"{PACKAGE}/{name}@{VERSION}" for name in INTERFACES} - set(exports)
        if missing:
            raise ComponentError(f"use the component: it lacks {', '.join(sorted(missing))}")

    def call(
        self,
        interface: str,
        function: str,
        arguments: tuple[object, ...],
        environment: Mapping[str, str],
        limits: Limits,
    ) -> Any:
        """What the function answers."""
        store = Store(self._engine)
        wasi = WasiConfig()
        wasi.env = list(environment.items())
        store.set_wasi(wasi)
        store.set_wasi_http()
        store.set_limits(memory_size=limits.memory_bytes)
        store.set_epoch_deadline(max(1, round(limits.call_seconds / TICK_SECONDS)))
        with self._clock.running():
            try:
                return self._invoke(store, interface, function, arguments)
            except (Trap, WasmtimeError) as error:
                why = _cause(error)
                if why == INTERRUPTED:
                    why = f"took longer than {limits.call_seconds:g} s"
                raise ExecutionFailed(f"call `{function}`: {why}") from error
            finally:
                store.close()

    def _invoke(
        self, store: Store, interface: str, function: str, arguments: tuple[object, ...]
    ) -> Any:
        instance = self._linker.instantiate(store, self._component)
        within = instance.get_export_index(store, f"{PACKAGE}/{interface}@{VERSION}")
        index = instance.get_export_index(store, function, within)
        found = instance.get_func(store, index) if index is not None else None
        if found is None:
            raise ComponentError(f"call `{function}`: the component doesn't export it")
        return found(store, *arguments)


class _Process:
    """What this process has loaded."""

    def __init__(self) -> None:
        self.loaded: dict[tuple[str, Path | None], Loaded] = {}
        self.loading = threading.Lock()
        self.forked_late = False

    def forked(self) -> None:
        """Called in the child. Whoever held the lock isn't there."""
        self.loading = threading.Lock()
        self.forked_late = bool(self.loaded)


_process = _Process()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_process.forked)


def load(wasm: bytes, digest: str, cache: Path | None) -> Loaded:
    """The component, compiled once per process; `digest` is of its bytes."""
    if _process.forked_late:
        # Wasmtime's threads, one set per process, are gone after a fork, and
        # nothing brings them back: a call would wait for them for ever.
        raise ComponentError(
            "use the component: this process was forked from one that had used it already;"
            " start workers by `spawn`, or before the first call"
        )
    key = (digest, cache)
    with _process.loading:
        if key not in _process.loaded:
            _process.loaded[key] = Loaded(wasm, digest, cache)
        return _process.loaded[key]


def digest(wasm: bytes) -> str:
    """What the compiled component is filed under."""
    return hashlib.sha256(wasm).hexdigest()


def _cause(error: Exception) -> str:
    """The last line: before it come the addresses of functions."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__


def default_cache() -> Path | None:
    """Where compiled components are kept if nothing else is said; none without a home."""
    if named := os.environ.get("XDG_CACHE_HOME"):
        return Path(named) / "rowcast"
    try:
        return Path.home() / ".cache/rowcast"
    except RuntimeError:
        # A container's user may have neither `HOME` nor an entry in the passwords' file.
        return None


def _compiled(engine: Engine, wasm: bytes, file: Path | None) -> Component:
    if file is None:
        return Component(engine, wasm)
    if file.is_file():
        # Of another version of wasmtime, or cut short: it's made anew.
        with suppress(WasmtimeError):
            return Component.deserialize_file(engine, str(file))
    component = Component(engine, wasm)
    # A cache that can't be written costs time, not the call.
    with suppress(OSError):
        _write(file, component.serialize())
    return component


def _cached_file(cache: Path | None, digest: str) -> Path | None:
    """The file to use; none if somebody else could write there.

    What is in it is run as machine code, unchecked.
    """
    if cache is None:
        return None
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = cache.stat()
    except OSError:
        return None
    if os.name == "posix" and (found.st_uid != os.getuid() or found.st_mode & 0o022):
        return None
    return cache / f"{digest}-wasmtime-{version('wasmtime')}-{sys.platform}.cwasm"


def _write(file: Path, compiled: bytes | bytearray) -> None:
    """Moved into place when complete: others may be reading."""
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as unfinished:
        try:
            unfinished.write(compiled)
            unfinished.close()
            Path(unfinished.name).replace(file)
        except BaseException:
            Path(unfinished.name).unlink(missing_ok=True)
            raise
