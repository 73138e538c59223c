"""The audit log: what was done by whom."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from xinfer.domain.ports import AuditStore
from xinfer.domain.record import AuditEntry, AuditQuery
from xinfer.errors import StoreFailed
from xinfer.services.directory import Directory

log = logging.getLogger("xinfer.audit")

_LIMIT = 1000


class Audit:
    """Writes down and looks up. A disk that is full does not undo what was done."""

    def __init__(
        self,
        store: AuditStore,
        directory: Directory,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock

    def record(self, principal: str, address: str, action: str, target: str, outcome: str) -> None:
        """Keep one entry, with the time of now."""
        entry = AuditEntry(
            at_s=self._clock(),
            principal=principal,
            address=address,
            action=action,
            target=target[:500],
            outcome=outcome,
        )
        try:
            self._store.record(entry)
        except StoreFailed as error:
            log.error("%s %s by %s is not in the audit log: %s", action, target, principal, error)

    def search(self, query: AuditQuery) -> list[dict[str, object]]:
        """Entries as people read them, newest first."""
        limited = AuditQuery(
            principal=query.principal,
            action=query.action,
            target=query.target,
            since_s=query.since_s,
            before=query.before,
            limit=max(1, min(query.limit, _LIMIT)),
        )
        return [
            {
                "id": entry.id,
                "at": entry.at_s,
                "principal": entry.principal,
                "name": self._directory.name(entry.principal),
                "address": entry.address,
                "action": entry.action,
                "target": entry.target,
                "outcome": entry.outcome,
            }
            for entry in self._store.search(limited)
        ]
