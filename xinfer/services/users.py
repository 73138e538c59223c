"""People with passwords: the first one, and what administrators do with the others."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from xinfer.domain.identity import KEY_SCOPES, Principal, Scope, User, read_scopes
from xinfer.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from xinfer.services.attempts import Attempts
from xinfer.services.directory import Directory
from xinfer.services.password import Passwords
from xinfer.services.sessions import AccountStores

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """What is to change; None stays."""

    username: str | None = None
    scopes: tuple[str, ...] | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChange:
    """`old` is what people say who change their own; `address` is where they connect from."""

    new: str = field(repr=False)
    old: str | None = field(default=None, repr=False)
    address: str = ""


class Users:
    """`changed` is called after every change, so that this process sees it at once."""

    def __init__(
        self,
        stores: AccountStores,
        passwords: Passwords,
        directory: Directory,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stores = stores
        self._passwords = passwords
        self._directory = directory
        self._changed = changed
        self._attempts = Attempts(stores.audit, clock)
        self._clock = clock

    def needs_setup(self) -> bool:
        """Whether there is nobody yet."""
        return not self._stores.reader.identities().users

    def set_up(self, username: str, password: str) -> User:
        """The first user, an administrator. Raises Forbidden when there is one already."""
        draft = self._draft(username, password, {Scope.ADMIN})
        try:
            user = self._stores.users.add_user(draft, first=True)
        except Conflict:
            raise Forbidden("The installation is set up: there are users.", "Log in.") from None
        self._changed()
        return user

    def check_setup_token(self, token: str, address: str) -> None:
        """Raises Unauthorized unless `token` is a key of an administrator, Limited when guessed."""
        attempt = self._attempts.begin("setup", "", address)
        try:
            principal = self._directory.identify(token)
            principal.require(Scope.ADMIN)
        except (Unauthorized, Forbidden):
            raise Unauthorized(
                "The setup token is not valid.",
                "It is the admin key: run/admin.key in the home folder, or one of auth.keys.",
            ) from None
        self._attempts.settle(attempt, principal.id)

    def list(self) -> tuple[User, ...]:
        """Everybody, by id."""
        return self._stores.reader.identities().users

    def get(self, user_id: int) -> User:
        """Raises NotFound."""
        found = next((user for user in self.list() if user.id == user_id), None)
        if found is None:
            raise NotFound(f"There is no user {user_id}.")
        return found

    def create(
        self, by: Principal, username: str, password: str, scopes: Iterable[str] | None
    ) -> User:
        """Raises Invalid, Conflict for a taken name, and Forbidden for scopes that `by` has not, or
        who has limits.
        """
        wanted = KEY_SCOPES if scopes is None else read_scopes(scopes)
        by.require_boundless()
        by.require_whole(wanted)
        user = self._stores.users.add_user(self._draft(username, password, wanted))
        self._changed()
        return user

    def change(self, by: Principal, user_id: int, wanted: UserChange) -> User:
        """Whoever is disabled is logged out. Raises NotFound, Invalid, Conflict, Forbidden."""
        scopes = None if wanted.scopes is None else read_scopes(wanted.scopes)
        by.require_boundless()

        def apply(user: User) -> User:
            by.require_whole(user.scopes)
            by.require_whole(scopes or ())
            enabled = user.enabled if wanted.enabled is None else wanted.enabled
            return replace(
                user,
                username=user.username if wanted.username is None else _legal(wanted.username),
                scopes=user.scopes if scopes is None else scopes,
                enabled=enabled,
                token_version=user.token_version + (user.enabled and not enabled),
            )

        after = self._stores.users.change_user(user_id, apply)
        if not after.enabled:
            self._stores.sessions.end_sessions(user_id)
        self._changed()
        return after

    def set_password(self, by: Principal, user_id: int, wanted: PasswordChange) -> None:
        """All sessions of the user end. People change their own by saying the old one.

        Raises Forbidden for others' without the scope users:manage, Unauthorized for a wrong one,
        Limited after too many of them.
        """
        user = self.get(user_id)
        if by.user_id == user_id:
            self._check_old(by, user, wanted)
        else:
            by.require(Scope.USERS_MANAGE)
            by.require_boundless()
            by.require_whole(user.scopes)
        kept = self._passwords.hash(wanted.new)
        self._stores.users.change_user(
            user_id,
            lambda one: replace(one, password_hash=kept, token_version=one.token_version + 1),
        )
        self._stores.sessions.end_sessions(user_id)
        self._changed()

    def _check_old(self, by: Principal, user: User, wanted: PasswordChange) -> None:
        """Whoever has a session or a key of the user has not the password by that."""
        if wanted.old is None:
            raise Unauthorized("The old password is missing.", 'Send it as "old_password".')
        attempt = self._attempts.begin("password", user.username, wanted.address)
        if not self._passwords.matches(user.password_hash, wanted.old):
            raise Unauthorized("The old password is not right.", 'Send it as "old_password".')
        self._attempts.settle(attempt, by.id)

    def remove(self, by: Principal, user_id: int) -> None:
        """Keys and sessions of the user go, too. Raises NotFound, Forbidden."""
        by.require_whole(self.get(user_id).scopes)
        self._stores.users.remove_user(user_id)
        self._changed()

    def _draft(self, username: str, password: str, scopes: Iterable[Scope]) -> User:
        return User(
            id=0,
            username=_legal(username),
            password_hash=self._passwords.hash(password),
            scopes=frozenset(scopes),
            created_s=self._clock(),
        )


def _legal(username: str) -> str:
    if not _NAME.match(username):
        raise Invalid(
            f"The username {username!r} is not usable.",
            "Use 1 to 100 of a-z, A-Z, 0-9 and . _ @ + -, starting with a letter or digit.",
            key="username",
        )
    return username
