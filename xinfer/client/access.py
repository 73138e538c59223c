"""Calls about who may call: sessions, users, keys, usage. Run them with `client.run`.

Each raises ClientError 403 for a caller without the scope that it needs, or with less than what is
to be given to others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xinfer.client.call import Call, Json, given, nothing, path, query, same

if TYPE_CHECKING:
    from xinfer.client.results.access import (
        ApiKey,
        AuditLine,
        Caller,
        NewApiKey,
        SessionTokens,
        UsageLine,
        User,
    )


def login(username: str, password: str) -> Call[SessionTokens]:
    """`access_token`, `refresh_token` and `expires_in` (s). Raises ClientError 401 for a wrong
    pair, 429 after too many of them.
    """
    return Call(
        what="log in",
        method="POST",
        path="/token",
        body={"username": username, "password": password},
        decode=same,
    )


def refresh(refresh_token: str) -> Call[SessionTokens]:
    """A new pair; the old refresh token is used up. Raises ClientError 401 for one that was."""
    return Call(
        what="refresh the session",
        method="POST",
        path="/v1/auth/refresh",
        body={"refresh_token": refresh_token},
        decode=same,
    )


def logout(refresh_token: str) -> Call[None]:
    """The refresh token ends; nothing happens to one that has ended."""
    return Call(
        what="log out",
        method="POST",
        path="/v1/auth/logout",
        body={"refresh_token": refresh_token},
        decode=nothing,
    )


def whoami() -> Call[Caller]:
    """`username`, `source` and `permissions` of the caller."""
    return Call(what="ask who calls", method="GET", path="/v1/auth/me", decode=same)


def create_key(name: str, **wanted: Json) -> Call[NewApiKey]:
    """A new API key; `key` of the reply is shown this once.

    `wanted` are `owner`, `description`, `scopes`, `model_permissions` (uids; None = every model),
    `expires_at` (unix seconds, or text such as 2027-01-31), `rate_limit_requests_per_minute`,
    `rate_limit_tokens_per_minute` and `quota_tokens_per_month`. Raises ClientError 400 for an owner
    or scope that there is not.
    """
    return Call(
        what="create the key",
        method="POST",
        path="/v1/admin/keys",
        body={"name": name} | given(**wanted),
        decode=same,
    )


def list_keys() -> Call[list[ApiKey]]:
    """All keys, or the caller's own where that is all the caller may see; without their texts."""
    return Call(what="list the keys", method="GET", path="/v1/admin/keys", decode=same)


def get_key(key_id: int) -> Call[ApiKey]:
    """One key, without its text. Raises ClientError 404."""
    return Call(
        what="get the key", method="GET", path=path("v1", "admin", "keys", key_id), decode=same
    )


def change_key(key_id: int, **wanted: Json) -> Call[ApiKey]:
    """Change what `create_key` takes, but the owner; what is not given stays.

    Raises ClientError 404 for a key that there is not, 400 for a value that cannot be.
    """
    return Call(
        what="change the key",
        method="PUT",
        path=path("v1", "admin", "keys", key_id),
        body=given(**wanted),
        decode=same,
    )


def revoke_key(key_id: int) -> Call[None]:
    """The key is gone. Raises ClientError 404."""
    return Call(
        what="revoke the key",
        method="DELETE",
        path=path("v1", "admin", "keys", key_id),
        decode=nothing,
    )


def create_user(
    username: str, password: str, permissions: Sequence[str] | None = None
) -> Call[User]:
    """A new user; `permissions` are scopes.

    Raises ClientError 400 for a password that is too short or an unknown scope, 409 when the name
    is taken.
    """
    body = {"username": username, "password": password, "permissions": permissions}
    return Call(
        what="create the user", method="POST", path="/v1/admin/users", body=body, decode=same
    )


def list_users() -> Call[list[User]]:
    """Everybody, without anything secret."""
    return Call(what="list the users", method="GET", path="/v1/admin/users", decode=same)


def change_user(user_id: int, **wanted: Json) -> Call[User]:
    """Change `username`, `permissions` (scopes) or `enabled`; what is not given stays.

    Who is disabled is logged out. Raises ClientError 404 for a user that there is not, 409 when the
    name is taken.
    """
    return Call(
        what="change the user",
        method="PUT",
        path=path("v1", "admin", "users", user_id),
        body=given(**wanted),
        decode=same,
    )


def set_password(user_id: int, password: str, old_password: str | None = None) -> Call[None]:
    """A new password; all sessions of the user end. One's own takes the old one.

    Raises ClientError 404 for a user that there is not, 400 for a password that is too short, 401
    for a wrong old one, 429 after too many of these.
    """
    return Call(
        what="change the password",
        method="PUT",
        path=path("v1", "admin", "users", user_id, "password"),
        body={"password": password} | given(old_password=old_password),
        decode=nothing,
    )


def remove_user(user_id: int) -> Call[None]:
    """The user is gone, and so are the user's keys.

    Raises ClientError 404 for one that there is not.
    """
    return Call(
        what="remove the user",
        method="DELETE",
        path=path("v1", "admin", "users", user_id),
        decode=nothing,
    )


def get_usage(
    key: str | None = None,
    model: str | None = None,
    first_day: str | None = None,
    last_day: str | None = None,
) -> Call[list[UsageLine]]:
    """Requests and tokens by day, caller and model, up to two seconds ago.

    `key` is a caller's id (`key:3`, `user:1`), or a key's name or prefix; days are of UTC, such as
    `2026-11-20`, the last one included. Raises ClientError 400 for another form.
    """
    parts = {"key": key, "model": model, "from": first_day, "to": last_day}
    return Call(
        what="get the usage",
        method="GET",
        path="/v1/usage",
        query=query(**parts),
        decode=lambda document: list(document["data"]),
    )


def search_audit(
    principal: str | None = None,
    action: str | None = None,
    target: str | None = None,
    since: float | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> Call[list[AuditLine]]:
    """What was done by whom, newest first.

    `principal` is such as `key:3`, `action` such as `POST /v1/models`. `since` is in unix seconds;
    `before` the id of the oldest entry seen, for the page that follows. `limit` is 100 unless it is
    given, and at most 1000.
    """
    wanted = {"principal": principal, "action": action, "target": target}
    since_s = None if since is None else repr(since)
    return Call(
        what="search the audit log",
        method="GET",
        path="/v1/audit/search",
        query=query(**wanted, since=since_s, before=before, limit=limit),
        decode=lambda document: list(document["data"]),
    )
