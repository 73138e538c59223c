"""The audit log, bounded; and by it, how often passwords were guessed lately."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from xinfer.domain.record import AuditEntry, AuditQuery, Guesses
from xinfer.store.database import Database
from xinfer.store.tables import AUDIT

_KEPT = 100_000
_PRUNE_EVERY = 500
_WINDOW_S = 900.0
_COUNTED = 50
_RIGHT = "ok"


class AuditStore:
    """Implements AuditStore of the ports. Entries beyond the newest 100,000 are dropped."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, entry: AuditEntry) -> None:
        with self._database.write() as connection:
            _insert(connection, entry)

    def attempt(self, entry: AuditEntry, judge: Callable[[Guesses], None]) -> int:
        with self._database.write() as connection:
            judge(_guesses(connection, entry))
            return _insert(connection, entry)

    def settle(self, entry_id: int, principal: str, outcome: str) -> None:
        with self._database.write() as connection:
            connection.execute(
                sa.update(AUDIT)
                .where(AUDIT.c.id == entry_id)
                .values(principal=principal, outcome=outcome)
            )

    def search(self, query: AuditQuery) -> tuple[AuditEntry, ...]:
        wanted = sa.select(AUDIT).order_by(AUDIT.c.id.desc()).limit(query.limit)
        for column, value in (
            (AUDIT.c.principal, query.principal),
            (AUDIT.c.action, query.action),
            (AUDIT.c.target, query.target),
        ):
            if value:
                wanted = wanted.where(column == value)
        if query.since_s:
            wanted = wanted.where(AUDIT.c.at_s >= query.since_s)
        if query.before:
            wanted = wanted.where(AUDIT.c.id < query.before)
        with self._database.read() as connection:
            return tuple(AuditEntry(**row._mapping) for row in connection.execute(wanted))


def _insert(connection: Connection, entry: AuditEntry) -> int:
    row = {
        "at_s": entry.at_s,
        "principal": entry.principal,
        "address": entry.address,
        "action": entry.action,
        "target": entry.target,
        "outcome": entry.outcome,
    }
    key = connection.execute(sa.insert(AUDIT).values(row)).inserted_primary_key
    assert key is not None
    if key[0] % _PRUNE_EVERY == 0:
        connection.execute(sa.delete(AUDIT).where(AUDIT.c.id <= key[0] - _KEPT))
    return int(key[0])


def _guesses(connection: Connection, entry: AuditEntry) -> Guesses:
    of_user = _recent(connection, entry, AUDIT.c.target == entry.target)
    since_success = []
    for at_s, outcome in of_user:
        if outcome == _RIGHT:
            break
        since_success.append(at_s)
    # Who can log in as somebody must not hide failures behind successes.
    wrong = sa.and_(AUDIT.c.address == entry.address, AUDIT.c.outcome != _RIGHT)
    failed = [at_s for at_s, _ in _recent(connection, entry, wrong)]
    return Guesses(
        by_user=len(since_success),
        user_last_s=max(since_success, default=0.0),
        by_address=len(failed),
        address_last_s=max(failed, default=0.0),
    )


def _recent(
    connection: Connection, entry: AuditEntry, same: sa.ColumnElement[bool]
) -> list[tuple[float, str]]:
    """Times and outcomes of the same action lately, newest first."""
    rows = connection.execute(
        sa.select(AUDIT.c.at_s, AUDIT.c.outcome)
        .where(AUDIT.c.action == entry.action, same, AUDIT.c.at_s > entry.at_s - _WINDOW_S)
        .order_by(AUDIT.c.id.desc())
        .limit(_COUNTED)
    )
    return [(row.at_s, row.outcome) for row in rows]
