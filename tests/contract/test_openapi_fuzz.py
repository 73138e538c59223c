"""Every documented operation with input of every kind: the server never breaks, and its replies are
those that the document says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contract.secured import Secured
from xinfer.api.openapi.document import document

RECIPE = """
defaults: [base]
auth: {mode: "on"}
models:
  echo: {engine: echo}
  spare: {engine: echo}
"""
CONFIG = {
    "seed": 20261123,
    "generation": {"max-examples": 8, "deterministic": True, "database": "none"},
    # Status 501 and 503 are said on purpose, and whether here is what the document says.
    "checks": {"not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", 501, 503]}},
}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    ignored_auth,
]
INFERENCE = {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/rerank"}
"""The engine judges what is in their bodies."""

PASSWORD = "long enough"
SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck))
LAUNCHES = {("POST", path) for path in ("/v1/models", "/v1/autostart/models")}
THERE = {"uid": "echo", "name": "qwen3", "first": "qwen3", "user_id": "1", "key_id": "1"}
SPARE = {"uid": "spare", "user_id": "2", "key_id": "2"}
"""What half of all paths name, and those that end or remove something."""

everything = schemathesis.openapi.from_dict(
    json.loads(document()), config=SchemathesisConfig.from_dict(CONFIG)
)
# The first would stop the server, as it should. The others would replace all that the operations
# before them need, so they come last.
REPLACING = "^(/v1/recipe|/cluster/.*)$"
ordinary = everything.exclude(method="DELETE", path="/v1/clusters").exclude(path_regex=REPLACING)
replacing = everything.include(path_regex=REPLACING)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = Secured(tmp_path_factory.mktemp("fuzz"), RECIPE)
    try:
        made.start()
        made.wait_ready({"echo": 1, "spare": 1}, 60)
        for name in ("first", "second"):
            user = {"username": name, "password": PASSWORD}
            assert made.request("POST", "/v1/admin/users", user)[0] == 201
            assert made.request("POST", "/v1/admin/keys", {"name": name})[0] == 201
        yield made
    finally:
        made.destroy()


@ordinary.parametrize()
@SETTINGS
def test_replies_are_as_documented(case: schemathesis.Case, server: Secured) -> None:
    call(aimed(case), server, server.admin_key)
    if (case.method, case.path) in LAUNCHES:
        end_launched(server)


@replacing.parametrize()
@SETTINGS
def test_what_replaces_everything_replies_so_too(case: schemathesis.Case, server: Secured) -> None:
    token = (server.home / "run" / "cluster.token").read_text().strip()
    call(aimed(case), server, token)


def call(case: schemathesis.Case, server: Secured, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    checks = CHECKS if case.path in INFERENCE else [*CHECKS, negative_data_rejection]
    case.call_and_validate(base_url=server.url, headers=headers, checks=checks, timeout=120)


def aimed(case: schemathesis.Case) -> schemathesis.Case:
    """Half of what names something names one that is there; no reply takes forever."""
    destroys = case.method == "DELETE" or case.path.endswith("/cancel")
    there = {**THERE, **SPARE} if destroys else THERE
    if {"first", "name"} <= case.path_parameters.keys() or case.path.endswith("/versions"):
        there = {"first": "LLM", "uid": "LLM", "name": "qwen3"}
    for name, value in case.path_parameters.items():
        if len(str(value)) % 2:
            case.path_parameters[name] = there.get(name, value)
    if isinstance(case.body, dict):
        aim_body(case.path, case.body)
    for endless in ("follow", "wait_s"):
        case.query.pop(endless, None)
    return case


def aim_body(path: str, body: dict[str, Any]) -> None:
    if isinstance(body.get("model"), str) and not path.startswith("/v1/model_reg"):
        body["model"] = "echo"
    if isinstance(body.get("model_engine"), str):
        body["model_engine"] = "echo"
    if isinstance(body.get("password"), str) and len(body["password"]) % 2:
        body["password"] = PASSWORD
        if isinstance(body.get("username"), str) and path == "/token":
            body["username"] = "first"


def end_launched(server: Secured) -> None:
    status, body = server.request("GET", "/v1/models")
    for uid in [model["id"] for model in body["data"]] if status == 200 else []:
        if uid not in {"echo", "spare"}:
            server.request("DELETE", f"/v1/models/{uid}")
