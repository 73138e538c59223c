"""Bodies of logins, users and keys, and how users and keys are shown."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import UNSET, Struct, UnsetType

from xinfer.domain.identity import ApiKey, User
from xinfer.domain.rate import Allowance
from xinfer.errors import Invalid
from xinfer.services.keys import KeyChange

_LARGEST = 2**53
"""The largest whole number that every reader of JSON takes as it is."""


class LoginBody(Struct):
    """`POST /token`."""

    username: str
    password: str


class RefreshBody(Struct):
    """`POST /v1/auth/refresh` and `/v1/auth/logout`."""

    refresh_token: str


class SetupBody(Struct):
    """`POST /v1/admin/setup`. `setup_token` is an administrator's key."""

    username: str
    password: str
    setup_token: str = ""


class NewUserBody(Struct):
    """`POST /v1/admin/users`."""

    username: str
    password: str
    permissions: list[str] | None = None


class UserBody(Struct):
    """`PUT /v1/admin/users/{id}`: what is left out stays."""

    username: str | None = None
    permissions: list[str] | None = None
    enabled: bool | None = None


class PasswordBody(Struct):
    """`PUT /v1/admin/users/{id}/password`."""

    password: str
    old_password: str | None = None


class ScopesBody(Struct):
    """`PUT /v1/admin/users/{id}/permissions`."""

    permissions: list[str]


class KeyModelsBody(Struct):
    """`PUT /v1/admin/keys/{id}/permissions`: uids, or null for every model."""

    model_permissions: list[str] | None


class KeyBody(Struct):
    """`POST /v1/admin/keys`, `PUT /v1/admin/keys/{id}`: what is left out stays, or is the default.

    Null means: every model, never, no limit.
    """

    owner: str | int | None = None
    name: str | None = None
    description: str | None = None
    scopes: list[str] | None = None
    model_permissions: list[str] | UnsetType | None = UNSET
    expires_at: str | float | UnsetType | None = UNSET
    enabled: bool | None = None
    rate_limit_requests_per_minute: int | UnsetType | None = UNSET
    rate_limit_tokens_per_minute: int | UnsetType | None = UNSET
    quota_tokens_per_month: int | UnsetType | None = UNSET

    def change(self, before: Allowance) -> KeyChange:
        """Raises Invalid for a limit below 1, or a time that cannot be read."""
        models = self.model_permissions
        return KeyChange(
            name=self.name,
            description=self.description,
            scopes=None if self.scopes is None else tuple(self.scopes),
            models=None if isinstance(models, UnsetType) else (_models(models),),
            expires_s=None if self.expires_at is UNSET else (_time(self.expires_at),),
            enabled=self.enabled,
            allowance=self._allowance(before),
        )

    def _allowance(self, before: Allowance) -> Allowance:
        return Allowance(
            requests_per_minute=self._limit(
                "rate_limit_requests_per_minute", before.requests_per_minute
            ),
            tokens_per_minute=self._limit("rate_limit_tokens_per_minute", before.tokens_per_minute),
            tokens_per_month=self._limit("quota_tokens_per_month", before.tokens_per_month),
        )

    def _limit(self, key: str, before: int | None) -> int | None:
        value: int | UnsetType | None = getattr(self, key)
        if isinstance(value, UnsetType):
            return before
        if value is not None and not 1 <= value <= _LARGEST:
            raise Invalid(f"'{key}' must be from 1 to {_LARGEST}, or null for no limit.", key=key)
        return value


def _models(uids: list[str] | None) -> frozenset[str] | None:
    return None if uids is None or "*" in uids else frozenset(uids)


def _time(value: object) -> float | None:
    """Unix seconds of a number, or of ISO 8601 text; without a zone it is UTC."""
    if value is None or isinstance(value, int | float):
        return value
    try:
        at = datetime.fromisoformat(str(value))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise Invalid(
            f"'expires_at' is not a time: {value!r}.",
            "Write 2027-01-31, 2027-01-31T12:00:00Z or unix seconds.",
            key="expires_at",
        ) from error


def show_user(user: User) -> dict[str, object]:
    """A user without anything secret."""
    return {
        "id": user.id,
        "username": user.username,
        "permissions": sorted(user.scopes),
        "enabled": user.enabled,
        "created_at": user.created_s,
    }


def show_key(key: ApiKey, owners: dict[int, str]) -> dict[str, object]:
    """A key without anything secret; `owners` are the names of users by id."""
    return {
        "id": key.id,
        "name": key.name,
        "description": key.description,
        "prefix": key.prefix,
        "owner": None if key.owner_id is None else owners.get(key.owner_id),
        "scopes": sorted(key.scopes),
        "model_permissions": None if key.models is None else sorted(key.models),
        "expires_at": key.expires_s,
        "enabled": key.enabled,
        "rate_limit_requests_per_minute": key.allowance.requests_per_minute,
        "rate_limit_tokens_per_minute": key.allowance.tokens_per_minute,
        "quota_tokens_per_month": key.allowance.tokens_per_month,
        "created_at": key.created_s,
    }
