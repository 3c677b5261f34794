"""What tests are given."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rowcast import Pipeline
from rowcast.pipeline import COMPONENT

from .support.dynamodb_local import TARGET, DynamoDb, dynamodb_local
from .support.stand_in import StandIn, stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator

_names = itertools.count()


@pytest.fixture(scope="session")
def component() -> Path:
    """The standalone component's file."""
    named = os.environ.get(COMPONENT)
    file = Path(named) if named else TARGET / "python/rowcast-standalone.wasm"
    if not file.is_file():
        pytest.exit(
            f"there is no {file}: write it by `cargo run -p rowcast -- component --standalone"
            f" --output target/python/rowcast-standalone.wasm`, or name it by {COMPONENT}",
            returncode=2,
        )
    return file


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One compiled component for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[DynamoDb]:
    with dynamodb_local() as found:
        yield found


@pytest.fixture
def table(dynamodb: DynamoDb) -> str:
    """An empty table of the test's own."""
    name = f"tracks_{next(_names)}"
    dynamodb.create(name)
    return name


@pytest.fixture
def source() -> Iterator[StandIn]:
    with stand_in() as found:
        yield found


@pytest.fixture
def pipeline(component: Path, cache: Path, dynamodb: DynamoDb) -> Pipeline:
    return Pipeline(component, environment=dynamodb.environment(), cache=cache)
