"""A client whose every reply must be one that the OpenAPI document says."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import falcon.testing
import jsonschema

from xinfer.api.openapi.document import document

PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


class DocumentedClient(falcon.testing.TestClient):
    """Wrong methods and unknown paths are no operations: they are let through."""

    def simulate_request(self, *args: Any, **kwargs: Any) -> falcon.testing.Result:
        reply = super().simulate_request(*args, **kwargs)
        method, path = args[:2]
        found = self.app._router.find(path.partition("?")[0].rstrip("/"))
        if found is not None:
            compare(method.lower(), PARAMETER.sub(r"{\1}", found[3]), reply)
        return reply


def compare(method: str, path: str, reply: falcon.testing.Result) -> None:
    """Fails when the operation has no such reply, or one of another form."""
    operation = told()["paths"][path].get(method)
    if operation is None:
        return
    said = operation["responses"].get(str(reply.status_code))
    assert said is not None, f"{method} {path}: {reply.status_code} is not documented: {reply.text}"
    content = said.get("content", {}).get("application/json")
    if content is not None and reply.headers["content-type"] == "application/json":
        schema = {**content["schema"], "components": told()["components"]}
        jsonschema.validate(reply.json, schema)


@cache
def told() -> Any:
    return json.loads(document())
