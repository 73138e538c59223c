"""API keys: made, changed and revoked by administrators, or by people for themselves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from xinfer.domain.identity import KEY_SCOPES, ApiKey, Principal, Scope, read_scopes
from xinfer.domain.names import did_you_mean
from xinfer.domain.ports import IdentityReader, KeyStore
from xinfer.domain.rate import Allowance
from xinfer.errors import Invalid, NotFound
from xinfer.services.secret import digest, new_key, prefix

_NAME_CHARACTERS = 100
_TEXT_CHARACTERS = 1000
_NEVER_S = 253_402_300_800.0
"""The year 10000: dates end there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """What is asked for; None stays, or is as for every new key.

    `models` and `expires_s` hold a value in a tuple, so that "every model" and "never" can be said.
    """

    name: str | None = None
    description: str | None = None
    scopes: tuple[str, ...] | None = None
    models: tuple[frozenset[str] | None] | None = None
    expires_s: tuple[float | None] | None = None
    enabled: bool | None = None
    allowance: Allowance | None = None


class Keys:
    """`changed` is called after every change, so that this process sees it at once."""

    def __init__(
        self,
        reader: IdentityReader,
        store: KeyStore,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reader = reader
        self._store = store
        self._changed = changed
        self._clock = clock

    def create(
        self, by: Principal, wanted: KeyChange, owner: str | int | None = None
    ) -> tuple[ApiKey, str]:
        """The key as kept, and the key itself: nobody can read that again.

        `owner` is a user's name or id; None: whoever asks. Raises Invalid, and Forbidden for
        scopes that `by` has not, for who has limits, or another owner without the scope
        keys:manage.
        """
        by.require_boundless()
        owner_id = by.user_id if owner is None else self._owner(owner)
        if owner_id != by.user_id:
            by.require(Scope.KEYS_MANAGE)
        key = new_key()
        draft = ApiKey(
            id=0,
            owner_id=owner_id,
            name="",
            prefix=prefix(key),
            digest=digest(key),
            created_s=self._clock(),
        )
        asked = KEY_SCOPES if wanted.scopes is None else read_scopes(wanted.scopes)
        by.require_whole(asked)
        kept = self._store.add_key(self._changed_key(draft, wanted))
        self._changed()
        return kept, key

    def list(self, by: Principal) -> tuple[ApiKey, ...]:
        """All keys for who manages them, one's own for others."""
        keys = self._reader.identities().keys
        return tuple(key for key in keys if _may_see(by, key))

    def get(self, by: Principal, key_id: int) -> ApiKey:
        """Raises NotFound, also for a key that is not the caller's to see."""
        found = next((key for key in self.list(by) if key.id == key_id), None)
        if found is None:
            raise NotFound(f"There is no API key {key_id}.")
        return found

    def change(self, by: Principal, key_id: int, wanted: KeyChange) -> ApiKey:
        """Raises NotFound, Invalid, and Forbidden for scopes that `by` has not, or with limits."""
        by.require_boundless()
        self.get(by, key_id)
        if wanted.scopes is not None:
            by.require_whole(read_scopes(wanted.scopes))

        def apply(key: ApiKey) -> ApiKey:
            by.require_whole(key.scopes)
            return self._changed_key(key, wanted)

        after = self._store.change_key(key_id, apply)
        self._changed()
        return after

    def revoke(self, by: Principal, key_id: int) -> None:
        """The key is gone, at once here and soon everywhere.

        Raises NotFound, and Forbidden for another's with scopes that `by` has not.
        """
        key = self.get(by, key_id)
        if by.user_id is None or key.owner_id != by.user_id:
            by.require_whole(key.scopes)
        self._store.remove_key(key_id)
        self._changed()

    def _owner(self, owner: str | int) -> int:
        users = self._reader.identities().users
        found = next((user for user in users if owner in (user.id, user.username)), None)
        if found is None:
            names = [user.username for user in users]
            raise Invalid(
                f"There is no user {owner!r}.", did_you_mean(str(owner), names), key="owner"
            )
        return found.id

    def _changed_key(self, key: ApiKey, wanted: KeyChange) -> ApiKey:
        name = key.name if wanted.name is None else wanted.name.strip()
        if not 0 < len(name) <= _NAME_CHARACTERS or not name.isprintable():
            raise Invalid(
                f"A key has a name of 1 to {_NAME_CHARACTERS} characters in one line.", key="name"
            )
        text = key.description if wanted.description is None else wanted.description
        if len(text) > _TEXT_CHARACTERS or not all(map(str.isprintable, text.split("\n"))):
            raise Invalid(
                f"A description is a text of {_TEXT_CHARACTERS} characters at most.",
                key="description",
            )
        expires_s = key.expires_s if wanted.expires_s is None else wanted.expires_s[0]
        if wanted.expires_s is not None and expires_s is not None:
            self._check_expiry(expires_s)
        return replace(
            key,
            name=name,
            description=text,
            scopes=key.scopes if wanted.scopes is None else read_scopes(wanted.scopes),
            models=key.models if wanted.models is None else wanted.models[0],
            expires_s=expires_s,
            enabled=key.enabled if wanted.enabled is None else wanted.enabled,
            allowance=key.allowance if wanted.allowance is None else wanted.allowance,
        )

    def _check_expiry(self, expires_s: float) -> None:
        if expires_s <= self._clock():
            raise Invalid("The key would have expired already.", key="expires_at")
        if expires_s >= _NEVER_S:
            raise Invalid("No calendar goes that far.", "Leave it out for never.", key="expires_at")


def _may_see(by: Principal, key: ApiKey) -> bool:
    if Scope.KEYS_MANAGE in by.scopes:
        return True
    return by.user_id is not None and key.owner_id == by.user_id
