"""Custom model families: those in force, and what was registered before under each name."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from xinfer.domain.registration import Registration
from xinfer.errors import Conflict
from xinfer.store.database import Database
from xinfer.store.rows import bump
from xinfer.store.tables import REGISTRATIONS


class Registrations:
    """Implements RegistrationStore. `clock` gives unix seconds."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def registrations(self) -> tuple[Registration, ...]:
        in_force = sa.select(REGISTRATIONS).where(REGISTRATIONS.c.removed_s.is_(None))
        with self._database.read() as connection:
            rows = connection.execute(in_force.order_by(REGISTRATIONS.c.id)).all()
        return tuple(_registration(row) for row in rows)

    def history(self, kind: str, name: str) -> tuple[Registration, ...]:
        named = sa.select(REGISTRATIONS).where(*_named(kind, name))
        with self._database.read() as connection:
            rows = connection.execute(named.order_by(REGISTRATIONS.c.version)).all()
        return tuple(_registration(row) for row in rows)

    def register(self, kind: str, name: str, body: str) -> Registration:
        with self._database.write() as connection:
            rows = connection.execute(sa.select(REGISTRATIONS).where(*_named(kind, name))).all()
            if any(row.removed_s is None for row in rows):
                raise Conflict(
                    f"A {kind} model '{name}' is registered already.",
                    "Unregister it first, or choose another name.",
                )
            made = Registration(
                kind=kind,
                name=name,
                version=max((row.version for row in rows), default=0) + 1,
                body=body,
                at_s=self._clock(),
            )
            connection.execute(
                sa.insert(REGISTRATIONS).values(
                    kind=kind,
                    name=name,
                    version=made.version,
                    at_s=made.at_s,
                    body=body.encode(),
                )
            )
            bump(connection)
        return made

    def unregister(self, kind: str, name: str) -> bool:
        in_force = (*_named(kind, name), REGISTRATIONS.c.removed_s.is_(None))
        with self._database.write() as connection:
            ended = sa.update(REGISTRATIONS).where(*in_force).values(removed_s=self._clock())
            if not connection.execute(ended).rowcount:
                return False
            bump(connection)
        return True


def _named(kind: str, name: str) -> tuple[Any, Any]:
    return REGISTRATIONS.c.kind == kind, REGISTRATIONS.c.name == name


def _registration(row: Any) -> Registration:
    return Registration(
        kind=row.kind,
        name=row.name,
        version=row.version,
        body=row.body.decode(),
        at_s=row.at_s,
        removed_s=row.removed_s,
    )
