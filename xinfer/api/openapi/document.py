"""The OpenAPI document: the tables of operations, put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

import xinfer
from xinfer.api.openapi import (
    cluster,
    declared,
    downloads,
    failure,
    families,
    inference,
    keys,
    media,
    models,
    pages,
    people,
    records,
    replicas,
)
from xinfer.api.openapi.description import Description
from xinfer.api.openapi.operation import Operation
from xinfer.api.openapi.parameter import PARAMETER, PATH_PARAMETERS

TABLES: Mapping[str, tuple[Operation, ...]] = {
    "inference": inference.OPERATIONS,
    "models": (*models.OPERATIONS, *declared.OPERATIONS),
    "replicas": replicas.OPERATIONS,
    "catalog": families.OPERATIONS,
    "downloads": downloads.OPERATIONS,
    "cluster": cluster.OPERATIONS,
    "access": (*people.OPERATIONS, *keys.OPERATIONS, *records.OPERATIONS),
    "pages": pages.OPERATIONS,
    "not served": media.OPERATIONS,
}
"""Every operation, by the tag under which it is shown."""

_REF = "#/components/schemas/{name}"
_ABOUT = """\
Models are launched and ended under `/v1/models`; OpenAI clients use them at `/v1`.

Where authentication is on, send an API key or a session's token as `Authorization: Bearer …` or as
`x-api-key`. The scope that an operation needs is listed with it. Every reply has an `X-Request-ID`.
"""
_SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or the access token of a session. Not asked for where "
        "authentication is off; GET /v1/cluster/auth says so.",
    },
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An API key."},
    "cluster": {
        "type": "http",
        "scheme": "bearer",
        "description": "The cluster token, by which workers and supervisor know each other.",
    },
}


def operations() -> Iterator[Operation]:
    """All of them."""
    for table in TABLES.values():
        yield from table


def document() -> bytes:
    """The document as JSON, made anew."""
    kinds = list(_kinds(operations()))
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    schema_of = {repr(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for tag, table in TABLES.items():
        for one in table:
            path = PARAMETER.sub(r"{\1}", one.path)
            described = Description(one, schema_of).described(tag)
            paths.setdefault(path, {})[one.method.lower()] = described
    made = {
        "openapi": "3.1.0",
        "info": {"title": "xinfer", "version": xinfer.__version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in TABLES],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECURITY},
    }
    return msgspec.json.encode(made)


def _kinds(found: Iterable[Operation]) -> Iterator[Any]:
    """Every type that has to be described, once."""
    yield from {repr(kind): kind for one in found for kind in _kinds_of(one)}.values()


def _kinds_of(one: Operation) -> Iterator[Any]:
    yield failure.kind(one.path)
    yield from (kind for kind in (one.reply, *one.replies.values()) if kind is not None)
    if one.body is not None:
        yield one.body.kind
    for query in one.query:
        yield query.kind
    for name in PARAMETER.findall(one.path):
        yield PATH_PARAMETERS[name].kind
