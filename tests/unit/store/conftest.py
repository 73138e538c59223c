"""A store with the current schema: a real SQLite file, or a database of a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.postgresql import PostgreSQL
from xinfer.store.cluster_store import ClusterStore
from xinfer.store.database import Database

Open = Callable[..., ClusterStore]
on_both = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
"""For the module of tests that must hold on either kind of store."""


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
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty SQLite file; tests that run `on_both` get an empty database of PostgreSQL, too."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite:///{tmp_path}/state/xinfer.db"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.make_database()


@pytest.fixture
def database(store_url: str) -> Iterator[Callable[[], Database]]:
    """`database()` opens the same store once more, as another process would."""
    made: list[Database] = []

    def make() -> Database:
        made.append(Database(store_url))
        return made[-1]

    make().migrate()
    yield make
    for each in made:
        each.close()


@pytest.fixture
def open_store(database: Callable[[], Database], clock: Clock) -> Open:
    return lambda **more: ClusterStore(database(), clock=clock, **more)
