"""Who may call, and what was called. Times are in unix seconds."""

from __future__ import annotations

from typing import TypedDict


class SessionTokens(TypedDict):
    """`access_token` is good for `expires_in` seconds; `refresh_token` gets the next pair, once."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int


class Caller(TypedDict):
    """Who calls: `source` is what the credential is; `model_permissions` None is every model."""

    id: int | str | None
    username: str
    source: str
    permissions: list[str]
    model_permissions: list[str] | None


class ApiKey(TypedDict):
    """A key without its text, of which `prefix` is the beginning.

    None is without end for `expires_at`, no limit for the limits, every model for
    `model_permissions`.
    """

    id: int
    name: str
    description: str
    prefix: str
    owner: str | None
    scopes: list[str]
    model_permissions: list[str] | None
    expires_at: float | None
    enabled: bool
    rate_limit_requests_per_minute: int | None
    rate_limit_tokens_per_minute: int | None
    quota_tokens_per_month: int | None
    created_at: float


class NewApiKey(ApiKey):
    """`key` is its text, shown this once."""

    key: str


class User(TypedDict):
    """A person; `permissions` are scopes."""

    id: int
    username: str
    permissions: list[str]
    enabled: bool
    created_at: float


class UsageLine(TypedDict):
    """What one caller used of one model on one day (UTC, such as 2026-11-20).

    `key` is the caller's id, `key:3` or `user:1`, and `name` what it is called.
    """

    day: str
    key: str
    name: str
    model: str
    requests: int
    tokens_in: int
    tokens_out: int


class AuditLine(TypedDict):
    """What was done by whom, from which address; `outcome` is the HTTP status."""

    id: int
    at: float
    principal: str
    name: str
    address: str
    action: str
    target: str
    outcome: str
