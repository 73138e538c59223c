"""One operation in the words of OpenAPI."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from xinfer.api.openapi import failure
from xinfer.api.openapi.operation import JSON, Body, Operation, Query
from xinfer.api.openapi.parameter import PARAMETER, PATH_PARAMETERS
from xinfer.api.scopes import Need, access

_CHANGING = ("POST", "PUT", "PATCH", "DELETE")
_FIRST_ERROR = 400
_TEXT: Mapping[str, dict[str, Any]] = {"text/event-stream": {}}
"""What a reply is that is no JSON, where it is more than one text."""


class Description:
    """`schema_of` has the schema of every type, by the type's `repr`."""

    def __init__(self, operation: Operation, schema_of: Mapping[str, Any]) -> None:
        self._operation = operation
        self._schema_of = schema_of
        self._need = access(operation.method, operation.path)

    def described(self, tag: str) -> dict[str, Any]:
        """The operation under this tag."""
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
        for name in PARAMETER.findall(self._operation.path):
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
