"""The document says of every route what it is, and is one that tools can read."""

from __future__ import annotations

import json
from collections import Counter

import falcon.testing
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.unit.api.table import declared
from xinfer.api.openapi.document import document, operations

HEADS = {"HEAD /health", "HEAD /healthz"}


def test_every_route_has_one_operation_and_every_operation_a_route() -> None:
    documented = Counter(f"{one.method} {one.path}" for one in operations())
    assert documented == Counter({*declared(), *HEADS})


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(json.loads(document())).validate()


def test_it_is_served_to_who_is_known(api: falcon.testing.TestClient) -> None:
    assert api.simulate_get("/openapi.json").content == document()
    assert api.simulate_get("/openapi.json", headers={"Authorization": ""}).status_code == 401
