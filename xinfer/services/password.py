"""Passwords: hashed with argon2id, away from the threads that serve."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xinfer.errors import Invalid

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_LENGTH = 8
_MAX_LENGTH = 1024

Aside = Callable[[Callable[[], Any]], Any]
"""Runs a function elsewhere and returns its result; a hash takes a twentieth of a second."""


class Passwords:
    """`aside` should bound how many run at once: each takes 64 MiB."""

    def __init__(self, aside: Aside = lambda work: work()) -> None:
        self._aside = aside

    @cached_property
    def _hasher(self) -> PasswordHasher:
        # Most installations have no passwords; none has them at its start.
        from argon2 import PasswordHasher

        return PasswordHasher()

    def hash(self, password: str) -> str:
        """Raises Invalid for a password that is too short or too long."""
        if not MIN_LENGTH <= len(password) <= _MAX_LENGTH:
            raise Invalid(
                f"A password has {MIN_LENGTH} to {_MAX_LENGTH} characters, not {len(password)}.",
                key="password",
            )
        return str(self._aside(lambda: self._hasher.hash(password)))

    def matches(self, kept: str | None, password: str) -> bool:
        """Whether it is the password; takes as long for a user that does not exist (None)."""
        password = password[:_MAX_LENGTH]
        if kept is None:
            self._aside(lambda: self._hasher.hash(password))
            return False
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            return bool(self._aside(lambda: self._hasher.verify(kept, password)))
        except (VerificationError, InvalidHashError):
            return False
