"""What was used, as people ask for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xinfer.domain.identity import Principal, Scope
from xinfer.domain.ports import UsageStore
from xinfer.domain.record import UsageQuery
from xinfer.errors import Invalid
from xinfer.services.directory import Directory

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRequest:
    """Empty is all. `key` is a caller's id (`key:3`, `user:1`), a key's name or its prefix."""

    key: str = ""
    model: str = ""
    first_day: str = ""
    last_day: str = ""


class Usage:
    """Reads the ledger, up to the last two seconds."""

    def __init__(self, store: UsageStore, directory: Directory) -> None:
        self._store = store
        self._directory = directory

    def lines(self, by: Principal, asked: UsageRequest) -> list[dict[str, object]]:
        """By day, caller and model. Who does not see everybody's sees their own.

        Raises Invalid for a day that is none.
        """
        for name, day in (("from", asked.first_day), ("to", asked.last_day)):
            if day and not _DAY.match(day):
                raise Invalid(f"'{name}' must be a day such as 2026-11-20, not {day!r}.", key=name)
        query = UsageQuery(
            principals=self._principals(by, asked.key),
            model=asked.model,
            first_day=asked.first_day,
            last_day=asked.last_day,
        )
        return [
            {
                "day": key.day,
                "key": key.principal,
                "name": self._directory.name(key.principal),
                "model": key.model,
                "requests": count.requests,
                "tokens_in": count.tokens_in,
                "tokens_out": count.tokens_out,
            }
            for key, count in self._store.lines(query)
        ]

    def _principals(self, by: Principal, wanted: str) -> tuple[str, ...] | None:
        """Whose lines; None is everybody's."""
        keys, users = self._directory.api_keys(), self._directory.users()
        named = {wanted}
        named |= {f"key:{key.id}" for key in keys if wanted in (key.name, key.prefix)}
        named |= {f"user:{user.id}" for user in users if user.username == wanted}
        if Scope.MONITOR_VIEW in by.scopes:
            return tuple(named) if wanted else None
        own = {by.id}
        if by.user_id is not None and by.id.startswith("user:"):
            own |= {f"key:{key.id}" for key in keys if key.owner_id == by.user_id}
        return tuple(own & named if wanted else own)
