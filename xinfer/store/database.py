"""The connection to the store: how it is opened, brought to the current schema, and fails."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from xinfer.errors import Invalid, StoreFailed
from xinfer.store.tables import METADATA, VERSIONS

HEAD = "0004"
"""The newest schema version in `migrations/versions`; a test compares the two."""

_LOCKED_S = 15.0
_BUSY_MS = 20

_TAKE_TURNS = sa.text("SELECT pg_advisory_xact_lock(6012953471)")
"""PostgreSQL's likeness of SQLite's write lock; the number only has to be always the same."""

_PG_WAITS = {"connect_timeout": 5, "tcp_user_timeout": 15_000}
"""Seconds, and milliseconds: a host that vanished must not hold requests for a quarter hour."""

_HINTS = (
    ("full", "Free space on its disk; nothing that was stored before is lost."),
    ("readonly", "Make the file and its folder writable for this user."),
    ("unable to open", "Check that its folder exists and is writable for this user."),
    ("permission denied", "Make the folder writable for this user, or choose another home."),
    ("malformed", "Restore a backup, or move the file away to start with an empty store."),
    ("not a database", "Restore a backup, or move the file away to start with an empty store."),
    ("locked", "Another process holds it for long; see which with lsof or fuser."),
    ("connection failed", "Check that the database runs, and the address in store.url."),
    ("i/o error", "Check the disk that it is on, and the space left there."),
)


def check_url(url: str) -> None:
    """Raises Invalid for an URL that leads to no database whose driver is installed here."""
    try:
        parsed = _parsed(url)
        parsed.get_dialect().import_dbapi()
    except ImportError as error:
        raise Invalid(
            f"the driver of {parsed.drivername} cannot be imported: {error}.",
            "Install it beside xinfer; for PostgreSQL: pip install 'xinfer[postgresql]'.",
        ) from None
    except (SQLAlchemyError, ValueError) as error:
        raise Invalid(
            f"this is no URL of a database: {error}.",
            "Write sqlite:////var/lib/xinfer.db, or postgresql://user@host/name.",
        ) from None


class Database:
    """Short transactions on SQLite (WAL) or any other database that SQLAlchemy reaches.

    Open one per process, after the fork. Transactions must not be nested: there is one connection.
    """

    def __init__(self, url: str) -> None:
        self._place = url
        with self._explained():
            parsed = _parsed(url)
            self._place = parsed.render_as_string(hide_password=True)
            self._engine = _open(parsed)
        is_file = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "")
        self._file = parsed.database if is_file and parsed.database != ":memory:" else None
        self._look: sqlite3.Connection | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is a file, which only one supervisor can have."""
        return self._engine.dialect.name == "sqlite"

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
        with self._explained(), self._engine.connect() as connection:
            self._begin(connection)
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.execute(_TAKE_TURNS)
                yield connection

    def version(self) -> int | None:
        """A number that another commit to the file changes; None where there is none to be had.

        It costs a few microseconds, and needs a connection that writes nothing itself.
        """
        if self._file is None:
            return None
        try:
            if self._look is None:
                self._look = sqlite3.connect(
                    self._file, timeout=0, isolation_level=None, check_same_thread=False
                )
            ((found,),) = self._look.execute("PRAGMA data_version").fetchall()
        except (sqlite3.Error, ValueError):
            return None
        return int(found)

    def migrate(self) -> None:
        """Bring the schema to the newest version. Raises StoreFailed.

        Loading Alembic takes longer than all the rest of a start, so it is done only for a store
        of an older version; an empty one gets the newest tables at once.
        """
        with self.write() as connection:
            current = self._version(connection)
            if current is None:
                METADATA.create_all(connection)
                connection.execute(sa.insert(VERSIONS).values(version_num=HEAD))
            elif current != HEAD:
                self._upgrade(connection)

    def is_current(self) -> bool:
        """Whether it can be read as it is. Raises StoreFailed when it cannot be opened."""
        with self.read() as connection:
            return self._version(connection) == HEAD

    def close(self) -> None:
        """Drop the connections."""
        if self._look is not None:
            self._look.close()
            self._look = None
        self._engine.dispose()

    def _begin(self, connection: Connection) -> None:
        """Take SQLite's write lock, waiting for other processes without blocking this one.

        SQLite's own waiting would stop every greenlet of the process, so it is kept short and the
        rest is slept through.
        """
        if connection.dialect.name != "sqlite":
            return
        driver: Any = connection.connection.driver_connection
        _execute(driver, "BEGIN IMMEDIATE")

    def _version(self, connection: Connection) -> str | None:
        if not sa.inspect(connection).has_table(VERSIONS.name):
            return None
        return connection.execute(sa.select(VERSIONS.c.version_num)).scalar()

    def _upgrade(self, connection: Connection) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StoreFailed(
                f"The schema of the state store is not known to this xinfer ({error}).",
                "A newer xinfer wrote it: install that version again, or restore a backup.",
            ) from error

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._failure(str(error.orig)) from error
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise self._failure(str(error)) from error

    def _failure(self, words: str) -> StoreFailed:
        words = " ".join(words.split()).rstrip(".")
        hint = next((hint for key, hint in _HINTS if key in words.lower()), "")
        return StoreFailed(f"The state store {self._place} failed: {words}.", hint)


def _parsed(url: str) -> sa.URL:
    """With the driver that comes with us, where the URL of a PostgreSQL names none."""
    parsed = sa.make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _open(url: sa.URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        waits = _PG_WAITS if url.get_backend_name() == "postgresql" else {}
        return sa.create_engine(
            url, pool_size=2, max_overflow=2, pool_pre_ping=True, connect_args=waits
        )
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    # One connection that is waited for: two greenlets with a connection each could wait for each
    # other's lock inside SQLite, where no greenlet can run. A pool without connections (NullPool)
    # would open the file for every query, and write the whole log back at every close. One shared
    # by all at once (StaticPool) would mix their transactions.
    engine = sa.create_engine(
        url,
        poolclass=sa.QueuePool,
        pool_size=1,
        max_overflow=0,
        # Without isolation level the driver opens no transaction behind our back: BEGIN IMMEDIATE
        # is ours. Greenlets take turns on the connection, hence no thread check.
        connect_args={"isolation_level": None, "check_same_thread": False},
    )
    sa.event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    # The first to open a new file turns the log on, for which it needs the file for itself.
    _execute(connection, "PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _execute(connection: sqlite3.Connection, statement: str) -> None:
    """Run a statement as soon as no other process holds the file. Raises sqlite3's own errors."""
    deadline = time.monotonic() + _LOCKED_S
    while True:
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(_BUSY_MS / 1000)
