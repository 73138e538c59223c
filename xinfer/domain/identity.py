"""Who may do what: scopes, users, API keys, and the caller of one request. Pure rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from xinfer.domain.names import did_you_mean
from xinfer.domain.rate import Allowance
from xinfer.errors import Forbidden, Invalid


class Scope(StrEnum):
    """A right. Its value is how it is written in requests, tokens and recipes."""

    ADMIN = "admin"
    MODELS_LIST = "models:list"
    MODELS_READ = "models:read"
    MODELS_WRITE = "models:write"
    MODELS_REGISTER = "models:register"
    KEYS_CREATE = "keys:create"
    KEYS_MANAGE = "keys:manage"
    USERS_MANAGE = "users:manage"
    CACHE_LIST = "cache:list"
    CACHE_DELETE = "cache:delete"
    VIRTUALENV_LIST = "virtualenv:list"
    VIRTUALENV_DELETE = "virtualenv:delete"
    LOGS_LIST = "logs:list"
    BODIES_READ = "model_requests:read_body"
    MONITOR_VIEW = "monitor:view"
    SETTINGS_READ = "settings:read"
    SETTINGS_WRITE = "settings:write"
    ROUTERS_LIST = "routers:list"
    ROUTERS_READ = "routers:read"
    ROUTERS_WRITE = "routers:write"
    ROUTERS_OPERATE = "routers:operate"


ALIASES: Mapping[str, Scope] = {
    "models:start": Scope.MODELS_WRITE,
    "models:stop": Scope.MODELS_WRITE,
    "models:add": Scope.MODELS_REGISTER,
    "models:unregister": Scope.MODELS_REGISTER,
}
"""Older spellings that clients of Xinference still send."""

IMPLIED: Mapping[Scope, frozenset[Scope]] = {
    Scope.ADMIN: frozenset(Scope),
    Scope.MODELS_WRITE: frozenset({Scope.MODELS_LIST}),
    Scope.MODELS_REGISTER: frozenset({Scope.MODELS_LIST}),
    Scope.KEYS_MANAGE: frozenset({Scope.KEYS_CREATE}),
    Scope.CACHE_DELETE: frozenset({Scope.CACHE_LIST}),
    Scope.VIRTUALENV_DELETE: frozenset({Scope.VIRTUALENV_LIST}),
    Scope.SETTINGS_WRITE: frozenset({Scope.SETTINGS_READ}),
    Scope.ROUTERS_READ: frozenset({Scope.ROUTERS_LIST}),
    Scope.ROUTERS_WRITE: frozenset({Scope.ROUTERS_LIST, Scope.ROUTERS_READ}),
    Scope.ROUTERS_OPERATE: frozenset({Scope.ROUTERS_LIST, Scope.ROUTERS_READ}),
}
"""What a scope brings along: who may change a thing may also see it. Already closed: no chains."""

ALL_SCOPES = frozenset(Scope)
KEY_SCOPES = frozenset({Scope.MODELS_LIST, Scope.MODELS_READ})
"""What a key gets when nothing is said: use the models, change nothing."""


def read_scopes(names: Iterable[str], key: str = "scopes") -> frozenset[Scope]:
    """The scopes of these names, aliases resolved. Raises Invalid with the nearest right name."""
    found = set()
    for name in names:
        scope = ALIASES.get(name)
        if scope is None and name in ALL_SCOPES:
            scope = Scope(name)
        if scope is None:
            known = [*(one.value for one in Scope), *ALIASES]
            raise Invalid(
                f"There is no scope '{name}'.",
                did_you_mean(name, known) or f"One of {', '.join(known)}.",
                key=key,
            )
        found.add(scope)
    return frozenset(found)


def effective(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """These scopes and all that they imply."""
    found = set(scopes)
    for scope in tuple(found):
        found |= IMPLIED.get(scope, frozenset())
    return frozenset(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person with a password. `token_version` grows with every change that ends sessions."""

    id: int
    username: str
    password_hash: str = field(repr=False)
    scopes: frozenset[Scope]
    enabled: bool = True
    token_version: int = 0
    created_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is kept: `digest` is its SHA-256 in hex, `prefix` enough to recognise it by.

    `owner_id` None: it belongs to the installation. `models` None: every model.
    """

    id: int
    owner_id: int | None
    name: str
    description: str = ""
    prefix: str
    digest: str = field(repr=False)
    scopes: frozenset[Scope] = KEY_SCOPES
    models: frozenset[str] | None = None
    allowance: Allowance = field(default_factory=Allowance)
    expires_s: float | None = None
    enabled: bool = True
    created_s: float = 0.0

    def has_expired(self, now_s: float) -> bool:
        """Whether its time is over at this unix time."""
        return self.expires_s is not None and now_s >= self.expires_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The caller of a request. `id` counts its usage, `name` is for people; neither is a secret.

    `scopes` are effective ones. `models` None: every model. `expires_s` None: never.
    """

    id: str
    name: str
    scopes: frozenset[Scope] = ALL_SCOPES
    models: frozenset[str] | None = None
    allowance: Allowance = field(default_factory=Allowance)
    expires_s: float | None = None
    user_id: int | None = None
    is_cluster: bool = False

    def require(self, scope: Scope) -> None:
        """Raises Forbidden naming the scope that is missing."""
        if scope not in self.scopes:
            raise Forbidden(
                f"This needs the scope '{scope}', which '{self.name}' does not have.",
                "Ask an administrator for it.",
            )

    def require_model(self, uid: str) -> None:
        """Raises Forbidden naming the model that this caller may not use."""
        if self.models is not None and uid not in self.models:
            raise Forbidden(
                f"'{self.name}' may not use the model '{uid}'.",
                "Ask an administrator to allow it for this key.",
            )

    def require_boundless(self) -> None:
        """Raises Forbidden for who would get rid of limits by giving rights to another."""
        if Scope.ADMIN in self.scopes:
            return
        if self.models is not None or self.expires_s is not None or not self.allowance.is_unlimited:
            raise Forbidden(
                f"'{self.name}' has limits, and would make or change what has none.",
                "Log in, or use a key without limits.",
            )

    def require_whole(self, scopes: Iterable[Scope]) -> None:
        """Raises Forbidden unless the caller has all of them: nobody grants more."""
        for scope in sorted(effective(scopes)):
            if scope not in self.scopes:
                raise Forbidden(
                    f"'{self.name}' cannot grant or change the scope '{scope}' without having it.",
                    "Ask an administrator to do it.",
                )


ANONYMOUS = Principal(id="anonymous", name="anonymous")
"""Everybody, where no credential is needed."""

CLUSTER = Principal(id="cluster", name="cluster", is_cluster=True)
"""A role of this cluster, by the cluster token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """All users and keys as they were at one revision of the store."""

    revision: int
    users: tuple[User, ...] = ()
    keys: tuple[ApiKey, ...] = ()
