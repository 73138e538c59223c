"""Guessing at secrets that people choose: every try is written down, and too many have to wait."""

from __future__ import annotations

import time
from collections.abc import Callable

from xinfer.domain.ports import AuditStore
from xinfer.domain.rate import guess_wait_s
from xinfer.domain.record import AuditEntry, Guesses
from xinfer.errors import Limited

_FREE_BY_USER = 5
_FREE_BY_ADDRESS = 20


class Attempts:
    """Counted by what was guessed at and by where from, in all processes together."""

    def __init__(self, audit: AuditStore, clock: Callable[[], float] = time.time) -> None:
        self._audit = audit
        self._clock = clock

    def begin(self, action: str, target: str, address: str) -> int:
        """Record a try as failed, for now; the id to settle it by.

        Raises Limited when there were too many lately, before anything costly is done.
        """
        now_s = self._clock()

        def judge(guesses: Guesses) -> None:
            wait_s = max(
                guess_wait_s(guesses.by_user, _FREE_BY_USER, guesses.user_last_s, now_s),
                guess_wait_s(guesses.by_address, _FREE_BY_ADDRESS, guesses.address_last_s, now_s),
            )
            if wait_s > 0:
                raise Limited("Too many failed attempts.", "Wait a little.", retry_after_s=wait_s)

        entry = AuditEntry(
            at_s=now_s,
            principal="anonymous",
            address=address,
            action=action,
            target=target,
            outcome="failed",
        )
        return self._audit.attempt(entry, judge)

    def settle(self, attempt: int, principal: str) -> None:
        """It was right; `principal` is who made it."""
        self._audit.settle(attempt, principal, "ok")
