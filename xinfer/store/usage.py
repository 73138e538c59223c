"""The usage ledger: processes add what they counted, so that their sums never disagree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from xinfer.domain.record import UsageCount, UsageKey, UsageQuery
from xinfer.store.database import Database
from xinfer.store.tables import USAGE


class UsageStore:
    """Implements UsageStore of the ports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, counts: Mapping[UsageKey, UsageCount]) -> None:
        if not counts:
            return
        rows = [
            {
                "day": key.day,
                "principal": key.principal,
                "model": key.model,
                "requests": count.requests,
                "tokens_in": count.tokens_in,
                "tokens_out": count.tokens_out,
            }
            for key, count in counts.items()
        ]
        with self._database.write() as connection:
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            insert = dialect.insert(USAGE)
            added = {
                name: USAGE.c[name] + insert.excluded[name]
                for name in ("requests", "tokens_in", "tokens_out")
            }
            connection.execute(
                insert.on_conflict_do_update(index_elements=list(USAGE.primary_key), set_=added),
                rows,
            )

    def lines(self, query: UsageQuery) -> tuple[tuple[UsageKey, UsageCount], ...]:
        wanted = sa.select(USAGE).order_by(USAGE.c.day, USAGE.c.principal, USAGE.c.model)
        if query.principals is not None:
            wanted = wanted.where(USAGE.c.principal.in_(query.principals))
        if query.model:
            wanted = wanted.where(USAGE.c.model == query.model)
        if query.first_day:
            wanted = wanted.where(USAGE.c.day >= query.first_day)
        if query.last_day:
            wanted = wanted.where(USAGE.c.day <= query.last_day)
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
        return tuple(
            (
                UsageKey(day=row.day, principal=row.principal, model=row.model),
                UsageCount(
                    requests=row.requests, tokens_in=row.tokens_in, tokens_out=row.tokens_out
                ),
            )
            for row in rows
        )

    def tokens(self, month: str, principals: Iterable[str]) -> dict[str, int]:
        """Tokens in and out of each of these callers in a month (`2026-11`)."""
        total = sa.func.sum(USAGE.c.tokens_in + USAGE.c.tokens_out)
        wanted = (
            sa.select(USAGE.c.principal, total)
            .where(USAGE.c.principal.in_(list(principals)))
            .where(USAGE.c.day >= f"{month}-01", USAGE.c.day <= f"{month}-31")
            .group_by(USAGE.c.principal)
        )
        with self._database.read() as connection:
            return {row[0]: int(row[1] or 0) for row in connection.execute(wanted)}
