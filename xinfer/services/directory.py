"""Who a credential belongs to, from memory: no store is asked but before a caller is refused."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from xinfer.domain.identity import ApiKey, Principal, User, effective
from xinfer.domain.ports import IdentityReader
from xinfer.errors import StoreFailed, Unauthorized
from xinfer.services.access_token import AccessTokens, Claims, expired
from xinfer.services.secret import digest

log = logging.getLogger("xinfer.identity")

_TOKENS_KEPT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """One revision of the store, arranged for looking up."""

    revision: int = -1
    users: Mapping[int, tuple[User, Principal]] = field(default_factory=dict)
    keys: Mapping[str, tuple[ApiKey, Principal]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    claims: dict[str, Claims] = field(default_factory=dict)


class Directory:
    """`fixed` are the principals of keys that are in no store, by digest.

    `refresh` is to be called when the store has changed; what was known stays in use while the
    store cannot be read.
    """

    def __init__(
        self,
        reader: IdentityReader,
        tokens: AccessTokens,
        fixed: Mapping[str, Principal],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reader = reader
        self._tokens = tokens
        self._fixed = fixed
        self._clock = clock
        self._known = _Known()

    def refresh(self) -> None:
        """Read the store again if users or keys have changed."""
        try:
            self._catch_up()
        except StoreFailed as error:
            log.error("Users and keys stay as they were: %s", error)

    def identify(self, credential: str) -> Principal:
        """The caller with this API key or access token. Raises Unauthorized saying why not.

        What another process has just made is no less good here: before it refuses, it looks.
        """
        known = self._known
        try:
            return self._find(known, credential)
        except Unauthorized:
            with suppress(StoreFailed):
                self._catch_up()
            if self._known is known:
                raise
            return self._find(self._known, credential)

    def users(self) -> tuple[User, ...]:
        """Everybody, by id."""
        return tuple(user for user, _ in self._known.users.values())

    def api_keys(self) -> tuple[ApiKey, ...]:
        """Every key in the store, by id."""
        return tuple(key for key, _ in self._known.keys.values())

    def name(self, principal_id: str) -> str:
        """What people call a caller of whom only the id was kept."""
        return self._known.names.get(principal_id, principal_id)

    def _catch_up(self) -> None:
        if self._reader.identity_revision() != self._known.revision:
            self._known = self._read()

    def _find(self, known: _Known, credential: str) -> Principal:
        key = digest(credential)
        fixed = self._fixed.get(key)
        if fixed is not None:
            return fixed
        entry = known.keys.get(key)
        if entry is not None:
            return self._by_key(known, *entry)
        if credential.count(".") == 2:
            return self._by_token(known, key, credential)
        raise Unauthorized("The API key is not valid.", "Check it, or ask for a new one.")

    def _by_key(self, known: _Known, key: ApiKey, principal: Principal) -> Principal:
        owner = None if key.owner_id is None else known.users.get(key.owner_id)
        is_orphan = key.owner_id is not None and (owner is None or not owner[0].enabled)
        if is_orphan or not key.enabled:
            raise Unauthorized(f"The API key '{key.prefix}…' is disabled.", "Ask for another one.")
        if key.has_expired(self._clock()):
            raise Unauthorized(f"The API key '{key.prefix}…' has expired.", "Ask for a new one.")
        return principal

    def _by_token(self, known: _Known, key: str, token: str) -> Principal:
        now_s = self._clock()
        claims = known.claims.get(key)
        if claims is None:
            claims = self._tokens.read(token, now_s)
            if len(known.claims) >= _TOKENS_KEPT:
                known.claims.clear()
            known.claims[key] = claims
        elif now_s >= claims.expires_s:
            raise expired()
        user, principal = known.users.get(claims.user_id, (None, None))
        if user is None or principal is None or user.token_version != claims.token_version:
            raise Unauthorized("The session has ended.", "Log in again.")
        if not user.enabled:
            raise Unauthorized(f"The user '{user.username}' is disabled.")
        return principal

    def _read(self) -> _Known:
        found = self._reader.identities()
        users = {user.id: (user, _of_user(user)) for user in found.users}
        keys = {}
        for key in found.keys:
            owner = users.get(key.owner_id) if key.owner_id is not None else None
            keys[key.digest] = (key, _of_key(key, owner[0] if owner else None))
        principals = [
            *(principal for _, principal in users.values()),
            *(principal for _, principal in keys.values()),
            *self._fixed.values(),
        ]
        names = {principal.id: principal.name for principal in principals}
        return _Known(revision=found.revision, users=users, keys=keys, names=names)


def fixed_principal(key: str, name: str = "") -> Principal:
    """The caller with a key of the recipe or of the home folder: an administrator."""
    mark = digest(key)[:8]
    return Principal(id=f"config:{mark}", name=name or f"key-{mark}")


def _of_user(user: User) -> Principal:
    return Principal(
        id=f"user:{user.id}",
        name=user.username,
        scopes=effective(user.scopes),
        user_id=user.id,
    )


def _of_key(key: ApiKey, owner: User | None) -> Principal:
    """A key never does more than its owner may."""
    scopes = effective(key.scopes)
    if owner is not None:
        scopes &= effective(owner.scopes)
    return Principal(
        id=f"key:{key.id}",
        name=key.name,
        scopes=scopes,
        models=key.models,
        allowance=key.allowance,
        expires_s=key.expires_s,
        user_id=key.owner_id,
    )
