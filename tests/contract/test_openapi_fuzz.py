"""Every documented operation with input of every kind: the server never breaks, and its replies are
those that the document says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
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
    "generation": {"max-examples": 12, "deterministic": True, "database": "none"},
    # Status 501 and 503 are said on purpose, and whether here is what the document says.
    "checks": {"not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", 501, 503]}},
}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

schema = schemathesis.openapi.from_dict(
    json.loads(document()), config=SchemathesisConfig.from_dict(CONFIG)
)
# It would stop the server, as it should.
schema = schema.exclude(method="DELETE", path="/v1/clusters")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = Secured(tmp_path_factory.mktemp("fuzz"), RECIPE)
    try:
        made.start()
        made.wait_ready({"echo": 1, "spare": 1}, 60)
        yield made
    finally:
        made.destroy()


def aimed(case: schemathesis.Case) -> schemathesis.Case:
    """Half of what names a model names one that is there; no reply goes on forever."""
    if case.path_parameters and "uid" in case.path_parameters:
        destroys = case.method == "DELETE" or case.path.endswith("/cancel")
        if len(str(case.path_parameters["uid"])) % 2:
            case.path_parameters["uid"] = "spare" if destroys else "echo"
    if isinstance(case.body, dict) and isinstance(case.body.get("model"), str):
        case.body["model"] = "echo"
    if case.query:
        case.query.pop("follow", None)
    return case


@schema.parametrize()
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_replies_are_as_documented(case: schemathesis.Case, server: Secured) -> None:
    headers = {"Authorization": f"Bearer {server.admin_key}"}
    aimed(case).call_and_validate(base_url=server.url, headers=headers, checks=CHECKS, timeout=30)
