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


def test_the_page_and_its_files_are_public_and_strict(api: falcon.testing.TestClient) -> None:
    page = api.simulate_get("/docs", headers={"Authorization": ""})
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "https://" not in page.text
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/docs/{name}" in page.text
        file = api.simulate_get(f"/docs/{name}", headers={"Authorization": ""})
        assert (file.status_code, len(file.content) > 100_000) == (200, True)
    assert api.simulate_get("/docs/__init__.py").status_code == 404
    assert api.simulate_get("/redoc").headers["location"] == "/docs"
