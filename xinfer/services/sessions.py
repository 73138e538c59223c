"""Logging in and out: passwords against guessing, access tokens, and refresh tokens that rotate."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from xinfer.domain.identity import User
from xinfer.domain.ports import AuditStore, IdentityReader, SessionStore, UserStore
from xinfer.errors import Unauthorized
from xinfer.services.access_token import LIFETIME_S, AccessTokens
from xinfer.services.attempts import Attempts
from xinfer.services.password import Passwords
from xinfer.services.secret import digest, new_refresh_token

_REFRESH_S = 7 * 86400.0
_NAME_CHARACTERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a login gives. `expires_in_s` is the life of the access token."""

    access_token: str
    refresh_token: str
    expires_in_s: float = LIFETIME_S


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStores:
    """The ports behind users and their sessions."""

    reader: IdentityReader
    users: UserStore
    sessions: SessionStore
    audit: AuditStore


class Sessions:
    """`address` is where a caller connects from: guesses are counted by it and by the user."""

    def __init__(
        self,
        stores: AccountStores,
        passwords: Passwords,
        tokens: AccessTokens,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stores = stores
        self._passwords = passwords
        self._tokens = tokens
        self._attempts = Attempts(stores.audit, clock)
        self._clock = clock

    def login(self, username: str, password: str, address: str) -> Session:
        """Raises Unauthorized for a wrong pair, Limited after too many of them."""
        attempt = self._attempts.begin("login", username[:_NAME_CHARACTERS], address)
        user = self._stores.users.user_named(username)
        right = self._passwords.matches(user.password_hash if user else None, password)
        if user is None or not right or not user.enabled:
            raise Unauthorized("Incorrect username or password")
        self._attempts.settle(attempt, f"user:{user.id}")
        return self._session(user)

    def refresh(self, refresh_token: str) -> Session:
        """A new pair; the old refresh token is used up.

        Raises Unauthorized for one that was used before: then somebody else has it, and all of the
        user's tokens end.
        """
        user_id = self._stores.sessions.use_session(digest(refresh_token), self._clock())
        known = {user.id: user for user in self._stores.reader.identities().users}
        user = None if user_id is None else known.get(user_id)
        if user is None or not user.enabled:
            raise Unauthorized("The refresh token is not valid any more.", "Log in again.")
        return self._session(user)

    def logout(self, refresh_token: str) -> None:
        """The refresh token ends; an access token lives on until it expires."""
        self._stores.sessions.end_session(digest(refresh_token))

    def _session(self, user: User) -> Session:
        now_s = self._clock()
        refresh_token = new_refresh_token()
        expires_s = now_s + _REFRESH_S
        self._stores.sessions.keep_session(digest(refresh_token), user.id, expires_s, now_s)
        return Session(access_token=self._tokens.issue(user, now_s), refresh_token=refresh_token)
