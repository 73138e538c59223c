"""The connection to the store: how it is opened, brought to the current schema, and fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from xinfer.errors import StoreFailed
from xinfer.store.tables import METADATA, VERSIONS

_HEAD = "0001"
"""The newest schema version in `migrations/versions`; a test compares the two."""

_HINTS = (
    ("full", "Free space on its disk; nothing that was stored before is lost."),
    ("readonly", "Make the file and its folder writable for this user."),
    ("unable to open", "Check that its folder exists and is writable for this user."),
    ("malformed", "Restore a backup, or move the file away to start with an empty store."),
    ("not a database", "Restore a backup, or move the file away to start with an empty store."),
    ("locked", "Another process holds it for long; see which with lsof or fuser."),
    ("i/o error", "Check the disk that it is on."),
)


class Database:
    """Short transactions on SQLite (WAL) or any other database that SQLAlchemy reaches."""

    def __init__(self, url: str) -> None:
        self._engine = _open(url)
        self._place = self._engine.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for queries. Raises StoreFailed."""
        with self._explained(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that takes the write lock at once and commits at the end, or not at all.

        Raises StoreFailed; what was stored before is then intact.
        """
        with self._explained(), self._engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    def migrate(self) -> None:
        """Bring the schema to the newest version. Raises StoreFailed.

        Loading Alembic takes longer than all the rest of a start, so it is done only for a store
        of an older version; an empty one gets the newest tables at once.
        """
        with self._explained():
            with self._engine.begin() as connection:
                current = self._version(connection)
                if current is None:
                    METADATA.create_all(connection)
                    connection.execute(sa.insert(VERSIONS).values(version_num=_HEAD))
            if current in (None, _HEAD):
                return
            from alembic import command
            from alembic.config import Config

            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            with self._engine.connect() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                connection.commit()

    def close(self) -> None:
        """Drop all connections."""
        self._engine.dispose()

    def _version(self, connection: Connection) -> str | None:
        if not sa.inspect(connection).has_table(VERSIONS.name):
            return None
        return connection.execute(sa.select(VERSIONS.c.version_num)).scalar()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._failure(str(error.orig)) from error
        except SQLAlchemyError as error:
            raise self._failure(str(error)) from error

    def _failure(self, words: str) -> StoreFailed:
        hint = next((hint for key, hint in _HINTS if key in words.lower()), "")
        return StoreFailed(f"The state store {self._place} failed: {words}.", hint)


def _open(url: str) -> Engine:
    engine = sa.create_engine(url, connect_args=_arguments(url), pool_size=2, max_overflow=4)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare)
    return engine


def _arguments(url: str) -> dict[str, Any]:
    # Without isolation level the driver opens no transaction behind our back: BEGIN IMMEDIATE is
    # ours. Greenlets of one thread share connections, one after the other, hence no thread check.
    sqlite = {"isolation_level": None, "check_same_thread": False, "timeout": 5.0}
    return sqlite if url.startswith("sqlite") else {}


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA busy_timeout=5000")
