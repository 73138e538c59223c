"""Engines that serve no longer although they live, and models that nobody wants served."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process.appliance import Appliance, wait_until

RECIPE = """
defaults: [base]
models:
  parrot: {engine: echo, replicas: 2}
  idle: {engine: echo, replicas: 0}
"""


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    made = Appliance(tmp_path_factory.mktemp("unwell"), RECIPE).start()
    wait_until("parrot", lambda: made.models().get("parrot", {}).get("replicas_ready") == 2)
    yield made
    made.destroy()


def replicas(one: Appliance) -> dict[str, dict[str, Any]]:
    _, found = one.request("GET", "/v1/models/parrot/replicas")
    return {each["replica_model_uid"]: each for each in found}


def events(one: Appliance) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = one.request("GET", "/v1/models/parrot/events")[1]
    return found


def asked(replica: dict[str, Any], body: Any = None) -> Any:
    """What an engine says itself, without the gateway: its counts, or a reply to `body`."""
    path = "/stats" if body is None else "/v1/chat/completions"
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"http://{replica['model_address']}{path}", data, 60) as reply:
        return json.load(reply)


def test_an_engine_that_says_it_is_unwell_is_spared_and_then_restarted(one: Appliance) -> None:
    before = replicas(one)["parrot-rep0"]
    words = {"messages": [{"role": "user", "content": "x"}], "echo": {"wedge": True}}
    asked(before, words)
    sick = wait_until(
        "it is out", lambda: (it := replicas(one)["parrot-rep0"])["status"] == "ERROR" and it
    )
    assert sick["pid"] == before["pid"]
    assert "GET /health answered 503" in sick["error_message"]
    # The other processes of the gateway look a moment later.
    served = asked(sick)["requests"]
    for _ in range(10):
        assert one.chat("parrot")[0] == 200
    assert asked(sick)["requests"] - served <= 1

    wait_until("it is restarted", lambda: replicas(one)["parrot-rep0"]["restarts"] == 1)
    wait_until("both serve", lambda: one.models()["parrot"]["replicas_ready"] == 2)
    assert replicas(one)["parrot-rep0"]["pid"] != before["pid"]
    assert replicas(one)["parrot-rep1"]["restarts"] == 0
    cause = "was not well after it served: GET /health answered 503, 5 times"
    wait_until("it is told", lambda: any(cause in it["event_content"] for it in events(one)))


def test_a_model_without_replicas_is_stopped(one: Appliance) -> None:
    idle = one.models()["idle"]
    assert (idle["state"], idle["replica"], idle["replicas_ready"]) == ("stopped", 0, 0)
    line = next(line for line in one.run("xinfer", "list").stdout.splitlines() if "idle" in line)
    assert "stopped" in line
    status, refusal = one.chat("idle")
    assert status == 503
    assert "Model 'idle' is stopped: it has 0 replicas." in refusal["error"]["message"]
    assert "1 of 2 models ready" in wait_until(
        "the launcher is content", lambda: Path(one.output).read_text().partition("try:")[0]
    )
    assert one.request("POST", "/v1/models/idle/replicas")[0] == 200
    wait_until("it serves", lambda: one.models()["idle"]["state"] == "ready")
    assert one.request("DELETE", "/v1/models/idle/replicas/0")[0] == 200
