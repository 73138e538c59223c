"""Sessions and users."""

from __future__ import annotations

from typing import TypedDict

from xinfer.api.openapi.operation import Body, Done, Operation
from xinfer.api.schemas.access import (
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


_NEW_USER = {"username": "ana", "password": "a long one", "permissions": ["models:read"]}
_USER = "/v1/admin/users/{user_id}"

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

OPERATIONS = (*_SESSIONS, *_USERS)
