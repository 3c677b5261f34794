"""Compiled components, their cache, and calls that don't end by themselves."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from wasmtime import wat2wasm
from wasmtime.component import Component

from rowcast import ComponentError, ExecutionFailed, Limits, Pipeline
from rowcast import engine as engines
from rowcast.engine import Clock, Loaded, default_cache, digest

if TYPE_CHECKING:
    from pathlib import Path


MISBEHAVING = """
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "endless") (loop (br 0)))
    (func (export "trap") unreachable)
    (func (export "grow") (loop
      (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
      (br 0))))
  (core instance $i (instantiate $m))
  (func $endless (canon lift (core func $i "endless")))
  (func $trap (canon lift (core func $i "trap")))
  (func $grow (canon lift (core func $i "grow")))
  (instance $calls (export "endless" (func $endless))
    (export "trap" (func $trap)) (export "grow" (func $grow)))
  (export "rowcast:pipeline/describe@0.2.0" (instance $calls))
  (export "rowcast:pipeline/extract@0.2.0" (instance $calls))
  (export "rowcast:pipeline/load@0.2.0" (instance $calls))
  (export "rowcast:pipeline/transfer@0.2.0" (instance $calls))
  (export "rowcast:pipeline/query@0.2.0" (instance $calls)))
"""


def loaded(wat: str, cache: Path | None = None) -> Loaded:
    wasm = bytes(wat2wasm(wat))
    return Loaded(wasm, digest(wasm), cache)


@pytest.mark.parametrize(
    ("function", "seconds", "message"),
    [
        ("endless", 0.2, "call `endless`: took longer than 0.2 s"),
        ("trap", 60, "call `trap`: .*unreachable"),
        ("grow", 60, "call `grow`: .*unreachable"),
    ],
)
def test_no_call_takes_the_process_with_it(function: str, seconds: float, message: str) -> None:
    limits = Limits(call_seconds=seconds, memory_bytes=4 * 1024 * 1024)
    begun = time.monotonic()
    with pytest.raises(ExecutionFailed, match=message):
        loaded(MISBEHAVING).call("extract", function, (), {}, limits)
    assert time.monotonic() - begun < 10


def test_a_missing_function() -> None:
    with pytest.raises(ComponentError, match="call `other`: the component doesn't export it"):
        loaded(MISBEHAVING).call("extract", "other", (), {}, Limits())


@pytest.mark.parametrize(
    ("wasm", "message"),
    [
        (b"\0asm", "compile the component"),
        (bytes(wat2wasm("(component)")), "it lacks rowcast:pipeline/describe@0.2.0, "),
    ],
)
def test_no_pipeline(wasm: bytes, message: str) -> None:
    with pytest.raises(ComponentError, match=message):
        Pipeline(wasm, cache=False).prepare()


def test_a_clock_that_could_not_start_starts_later(monkeypatch: pytest.MonkeyPatch) -> None:
    ticked = threading.Event()
    engine: Any = SimpleNamespace(increment_epoch=ticked.set)
    clock = Clock(engine)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", _no_more_threads)
        with pytest.raises(RuntimeError, match="can't start new thread"), clock.running():
            pass
    with clock.running():
        assert ticked.wait(10)


def _no_more_threads(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ROWCAST_COMPONENT", str(tmp_path / "none.wasm"))
    with pytest.raises(ComponentError, match=r"none\.wasm; write it by `rowcast component"):
        Pipeline()
    with pytest.raises(ComponentError, match="read the component"):
        Pipeline(tmp_path)


def test_the_cache_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "a/b"
    loaded(MISBEHAVING, cache)
    (file,) = cache.iterdir()
    monkeypatch.setattr(engines, "Component", _Uncompilable)
    loaded(MISBEHAVING, cache)
    monkeypatch.undo()
    # A file that is no compiled component is made anew.
    file.write_bytes(b"else")
    loaded(MISBEHAVING, cache)
    assert file.stat().st_size > 4
    assert list(cache.iterdir()) == [file]


def test_a_cache_that_others_can_write_is_not_used(tmp_path: Path) -> None:
    cache = tmp_path / "open"
    cache.mkdir()
    cache.chmod(0o777)
    loaded(MISBEHAVING, cache)
    assert list(cache.iterdir()) == []


def test_nobody_s_home_is_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("pathlib.Path.home", home)
    assert default_cache() is None
    assert "Pipeline(" in repr(Pipeline(b""))


class _Uncompilable(Component):
    def __init__(self, *_: object) -> None:
        raise AssertionError("compiled, though it's in the cache")
