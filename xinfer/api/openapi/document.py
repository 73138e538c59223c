"""The OpenAPI document: the tables of operations, put together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

import xinfer
from xinfer.api.openapi import (
    cluster,
    downloads,
    failure,
    families,
    inference,
    media,
    models,
    pages,
    people,
    replicas,
)
from xinfer.api.openapi.operation import JSON, Body, Operation, Query
from xinfer.api.openapi.parameter import PATH_PARAMETERS
from xinfer.api.scopes import Need, access

TABLES: Mapping[str, tuple[Operation, ...]] = {
    "inference": inference.OPERATIONS,
    "models": models.OPERATIONS,
    "replicas": replicas.OPERATIONS,
    "catalog": families.OPERATIONS,
    "downloads": downloads.OPERATIONS,
    "cluster": cluster.OPERATIONS,
    "access": people.OPERATIONS,
    "pages": pages.OPERATIONS,
    "not served": media.OPERATIONS,
}
"""Every operation, by the tag under which it is shown."""

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_CHANGING = ("POST", "PUT", "PATCH", "DELETE")
_FIRST_ERROR = 400
_REF = "#/components/schemas/{name}"
_TEXT: Mapping[str, dict[str, Any]] = {"text/event-stream": {}}
"""What a reply is that is no JSON, where it is more than one text."""

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
            path = _PARAMETER.sub(r"{\1}", one.path)
            described = _Description(one, schema_of).described(tag)
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
    for name in _PARAMETER.findall(one.path):
        yield PATH_PARAMETERS[name].kind


class _Description:
    """One operation in the words of OpenAPI."""

    def __init__(self, operation: Operation, schema_of: Mapping[str, Any]) -> None:
        self._operation = operation
        self._schema_of = schema_of
        self._need = access(operation.method, operation.path)

    def described(self, tag: str) -> dict[str, Any]:
        one = self._operation
        made: dict[str, Any] = {
            "tags": [tag],
            "summary": one.summary,
            "description": f"{one.doc}\n\n{self._needs()}".strip(),
            "operationId": f"{one.method.lower()}{re.sub(r'[^a-z0-9]+', '_', one.path.lower())}",
            "security": self._security(),
            "responses": self._responses(),
        }
        parameters = [*self._path_parameters(), *map(self._query, one.query)]
        if parameters:
            made["parameters"] = parameters
        if one.body is not None:
            made["requestBody"] = self._body(one.body)
        return made

    def _schema(self, kind: Any) -> Any:
        return self._schema_of[repr(kind)]

    def _needs(self) -> str:
        if self._need is Need.PUBLIC:
            return "Needs no credential."
        if self._need is Need.SIGNED_IN:
            return "Needs any valid credential."
        if self._need is Need.ROLE:
            return "Needs the cluster token."
        return f"Needs the scope `{self._need}`."

    def _security(self) -> list[dict[str, list[str]]]:
        if self._need is Need.PUBLIC:
            return []
        if self._need is Need.ROLE:
            return [{"cluster": []}]
        scopes = [] if isinstance(self._need, Need) else [str(self._need)]
        return [{"bearer": scopes}, {"key": scopes}]

    def _path_parameters(self) -> Iterator[dict[str, Any]]:
        for name in _PARAMETER.findall(self._operation.path):
            parameter = PATH_PARAMETERS[name]
            yield {
                "name": name,
                "in": "path",
                "required": True,
                "description": parameter.doc,
                "schema": self._schema(parameter.kind),
            }

    def _query(self, query: Query) -> dict[str, Any]:
        schema = self._schema(query.kind)
        return {
            "name": query.name,
            "in": "query",
            "required": query.required,
            "description": query.doc,
            "schema": schema if query.default is None else {**schema, "default": query.default},
        }

    def _body(self, body: Body) -> dict[str, Any]:
        content: dict[str, Any] = {"schema": self._schema(body.kind)}
        if body.example is not None:
            content["example"] = body.example
        return {"required": body.required, "content": {JSON: content}}

    def _responses(self) -> dict[str, Any]:
        one = self._operation
        failed = self._json(failure.kind(one.path)) if one.method != "HEAD" else {}
        made = {
            status: {
                "description": failure.MEANINGS[status],
                **(failed if status >= _FIRST_ERROR else {}),
            }
            for status in self._errors()
        }
        made |= {
            status: {"description": failure.MEANINGS[status], **self._json(kind)}
            for status, kind in one.replies.items()
        }
        if one.status < _FIRST_ERROR:
            made[one.status] = {"description": one.summary, **self._success()}
        return {str(status): made[status] for status in sorted(made)}

    def _success(self) -> dict[str, Any]:
        one = self._operation
        others = {
            media_type: {
                "schema": _TEXT.get(media_type, {"type": "string"}) | {"description": what}
            }
            for media_type, what in one.content.items()
        }
        whole = self._json(one.reply)["content"] if one.reply is not None else {}
        return {"content": {**whole, **others}} if whole or others else {}

    def _json(self, kind: Any) -> dict[str, Any]:
        return {"content": {JSON: {"schema": self._schema(kind)}}}

    def _errors(self) -> set[int]:
        """Those of every operation with such access, method and body, and its own."""
        one = self._operation
        # A request that is no HTTP is a 400 wherever it was sent.
        found = {400, 500, *one.errors}
        if one.status >= _FIRST_ERROR:
            found.add(one.status)
        if self._need is not Need.PUBLIC:
            found |= {401, 403}
        if one.method in _CHANGING:
            found |= {403, 503}
        if one.body is not None:
            found.add(413)
        return found
