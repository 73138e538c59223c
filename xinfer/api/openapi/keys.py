"""API keys."""

from __future__ import annotations

from typing import TypedDict

from xinfer.api.openapi.operation import Body, Done, Operation
from xinfer.api.schemas.access import KeyBody, KeyModelsBody


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


_KEY = "/v1/admin/keys/{key_id}"

OPERATIONS = (
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
