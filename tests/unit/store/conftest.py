"""A real SQLite file with the current schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xinfer.store.cluster_store import ClusterStore
from xinfer.store.database import Database

Open = Callable[..., ClusterStore]


class Clock:
    """Unix seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """`database()` opens the same file once more, as another process would."""
    made: list[Database] = []

    def make() -> Database:
        made.append(Database(f"sqlite:///{tmp_path}/state/xinfer.db"))
        return made[-1]

    make().migrate()
    yield make
    for each in made:
        each.close()


@pytest.fixture
def open_store(database: Callable[[], Database], clock: Clock) -> Open:
    return lambda **more: ClusterStore(database(), clock=clock, **more)
