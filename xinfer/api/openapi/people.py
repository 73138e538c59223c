"""Sessions, users, keys, and what they used and did."""

from __future__ import annotations

from typing import Annotated, TypedDict

from msgspec import Meta

from xinfer.api.openapi.operation import Body, Operation, Query
from xinfer.api.schemas.access import (
    KeyBody,
    KeyModelsBody,
    LoginBody,
    NewUserBody,
    PasswordBody,
    RefreshBody,
    ScopesBody,
    SetupBody,
    UserBody,
)


class SessionTokens(TypedDict):
    """`expires_in` is in seconds."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int


class Done(TypedDict):
    """It is done."""

    ok: bool


class Myself(TypedDict):
    """The caller; `model_permissions` null is every model."""

    id: int | str | None
    username: str
    source: str
    permissions: list[str]
    model_permissions: list[str] | None


class SetupStatus(TypedDict):
    """Whether there is a first user."""

    needs_setup: bool
    initialized: bool
    password_min_length: int


class FirstUser(TypedDict):
    """The user that was made."""

    id: int
    username: str


class UserDescription(TypedDict):
    """A user without anything secret."""

    id: int
    username: str
    permissions: list[str]
    enabled: bool
    created_at: float


class UserPermissions(TypedDict):
    """Scopes."""

    permissions: list[str]


class KeyDescription(TypedDict):
    """An API key without anything secret; `model_permissions` null is every model."""

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


class NewKey(KeyDescription):
    """`key` is shown this once."""

    key: str


class KeyPermissions(TypedDict):
    """Uids, or null for every model."""

    model_permissions: list[str] | None


class UsageLine(TypedDict):
    """What one caller used of one model on one day."""

    day: str
    key: str
    name: str
    model: str
    requests: int
    tokens_in: int
    tokens_out: int


class UsageLines(TypedDict):
    """By day, key and model."""

    object: str
    data: list[UsageLine]


class AuditLine(TypedDict):
    """What was done by whom; `outcome` is the HTTP status."""

    id: int
    at: float
    principal: str
    name: str
    address: str
    action: str
    target: str
    outcome: str


class AuditLines(TypedDict):
    """Newest first."""

    object: str
    data: list[AuditLine]


EntryId = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Positive = Annotated[int, Meta(ge=1)]

_NEW_USER = {"username": "ana", "password": "a long one", "permissions": ["models:read"]}
_USER = "/v1/admin/users/{user_id}"
_KEY = "/v1/admin/keys/{key_id}"

_SESSIONS = (
    Operation(
        method="POST",
        path="/token",
        summary="Log in",
        body=Body(kind=LoginBody, example={"username": "ana", "password": "a long one"}),
        reply=SessionTokens,
        errors=(401, 429),
    ),
    Operation(
        method="POST",
        path="/v1/auth/refresh",
        summary="Renew a session",
        body=Body(kind=RefreshBody),
        reply=SessionTokens,
        errors=(401, 429),
    ),
    Operation(
        method="POST",
        path="/v1/auth/logout",
        summary="Log out",
        body=Body(kind=RefreshBody),
        reply=Done,
    ),
    Operation(method="GET", path="/v1/auth/me", summary="Who calls", reply=Myself),
    Operation(
        method="GET",
        path="/v1/admin/setup/status",
        summary="Whether there is a first user",
        reply=SetupStatus,
        errors=(503,),
    ),
    Operation(
        method="POST",
        path="/v1/admin/setup",
        summary="Make the first user",
        body=Body(kind=SetupBody),
        status=201,
        reply=FirstUser,
        errors=(401, 409, 429),
    ),
)

_USERS = (
    Operation(
        method="GET",
        path="/v1/admin/users",
        summary="List users",
        reply=list[UserDescription],
        errors=(503,),
    ),
    Operation(
        method="POST",
        path="/v1/admin/users",
        summary="Add a user",
        body=Body(kind=NewUserBody, example=_NEW_USER),
        status=201,
        reply=UserDescription,
        errors=(409,),
    ),
    Operation(
        method="GET",
        path=_USER,
        summary="Describe a user",
        reply=UserDescription,
        errors=(404, 503),
    ),
    Operation(
        method="PUT",
        path=_USER,
        summary="Change a user",
        doc="What is left out stays.",
        body=Body(kind=UserBody, example={"enabled": True}),
        reply=UserDescription,
        errors=(404, 409),
    ),
    Operation(method="DELETE", path=_USER, summary="Remove a user", reply=Done, errors=(404, 409)),
    Operation(
        method="PUT",
        path=f"{_USER}/password",
        summary="Set a password",
        body=Body(kind=PasswordBody, example={"password": "a long one"}),
        reply=Done,
        errors=(404, 429),
    ),
    Operation(
        method="GET",
        path=f"{_USER}/permissions",
        summary="Read a user's scopes",
        reply=UserPermissions,
        errors=(404, 503),
    ),
    Operation(
        method="PUT",
        path=f"{_USER}/permissions",
        summary="Set a user's scopes",
        body=Body(kind=ScopesBody, example={"permissions": ["models:read"]}),
        reply=UserPermissions,
        errors=(404, 409),
    ),
)

_KEYS = (
    Operation(
        method="GET",
        path="/v1/admin/keys",
        summary="List API keys",
        reply=list[KeyDescription],
        errors=(503,),
    ),
    Operation(
        method="POST",
        path="/v1/admin/keys",
        summary="Make an API key",
        body=Body(kind=KeyBody, example={"name": "ci"}),
        status=201,
        reply=NewKey,
        errors=(404, 409),
    ),
    Operation(
        method="GET",
        path=_KEY,
        summary="Describe an API key",
        reply=KeyDescription,
        errors=(404, 503),
    ),
    Operation(
        method="PUT",
        path=_KEY,
        summary="Change an API key",
        doc="What is left out stays.",
        body=Body(kind=KeyBody),
        reply=KeyDescription,
        errors=(404, 409),
    ),
    Operation(method="DELETE", path=_KEY, summary="Revoke an API key", reply=Done, errors=(404,)),
    Operation(
        method="GET",
        path=f"{_KEY}/reveal",
        summary="Never shows a key again",
        doc="Only its SHA-256 is kept, so this is a 400 for every key.",
        status=400,
        reply=None,
        errors=(404, 503),
    ),
    Operation(
        method="GET",
        path=f"{_KEY}/permissions",
        summary="Read the models of a key",
        reply=KeyPermissions,
        errors=(404, 503),
    ),
    Operation(
        method="PUT",
        path=f"{_KEY}/permissions",
        summary="Set the models of a key",
        body=Body(kind=KeyModelsBody, example={"model_permissions": ["chat"]}),
        reply=KeyPermissions,
        errors=(404,),
    ),
)

_RECORDS = (
    Operation(
        method="GET",
        path="/v1/usage",
        summary="What was used",
        query=(
            Query(name="key", kind=str, doc="A caller's id, a key's name or its prefix."),
            Query(name="model", kind=str, doc="A uid."),
            Query(name="from", kind=str, doc="The first day, such as 2027-01-31 (UTC)."),
            Query(name="to", kind=str, doc="The last day."),
        ),
        reply=UsageLines,
        errors=(503,),
    ),
    Operation(
        method="GET",
        path="/v1/audit/search",
        summary="What was done",
        query=(
            Query(name="principal", kind=str, doc="Who, such as key:3 or user:1."),
            Query(name="action", kind=str, doc="What, such as POST /v1/models."),
            Query(name="target", kind=str, doc="To what."),
            Query(name="since", kind=float, default=0.0, doc="Unix seconds."),
            Query(
                name="before", kind=EntryId, default=0, doc="The id of the oldest that was seen."
            ),
            Query(name="limit", kind=Positive, default=100, doc="At most 1000 come."),
        ),
        reply=AuditLines,
        errors=(503,),
    ),
)

OPERATIONS = (*_SESSIONS, *_USERS, *_KEYS, *_RECORDS)
