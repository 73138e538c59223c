"""Every variable about hubs, as a person sets it, by the libraries of both hubs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.models import WEIGHTS, source, write_repo
from tests.hub.server import HubServer, serving
from tests.process.appliance import Appliance, wait_until
from tests.process.conftest import Start
from tests.unit.watching import Watching
from xinfer.domain.home import Home
from xinfer.domain.model import Hub
from xinfer.errors import LaunchFailed
from xinfer.launch.sources import hubs

FILE = "qwen2.5-0.5b-instruct-q4_k_m.gguf"
FAMILY = ("-n", "qwen2.5-instruct", "-s", "0_5", "-f", "ggufv2", "-q", "Q4_K_M")
RECIPE = """
defaults: [base]
models:
  chat: {engine: llama.cpp, family: qwen2.5-instruct, size: "0_5", quantization: q4_k_m}
"""
NOWHERE = "http://127.0.0.1:1"
FACE, SCOPE = Hub.HUGGINGFACE, Hub.MODELSCOPE


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """Both hubs at one address, in an environment that has no other variable about them."""
    models = tmp_path / "models"
    write_repo(models)
    for owner in ("Qwen", "qwen"):
        repo = models / owner / "Qwen2.5-0.5B-Instruct-GGUF"
        repo.mkdir(parents=True)
        (repo / FILE).write_bytes(b"GGUF of nobody")
    for name in ("HF_HOME", "HF_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE", "MODELSCOPE_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "of-others"))
    with serving(models) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", server.url)
        yield server


def asked_of(server: HubServer) -> set[Hub]:
    return {SCOPE if one.path.startswith("/api/v1/") else FACE for one in server.asked}


def fetched(hub: Hub, folder: Path) -> Path:
    """Where the weights are after a worker with this home has fetched them."""
    return hubs(Home(folder / "home"))[hub].fetch(source(hub), Watching()).root


def uptime_s(one: Appliance) -> int:
    uptime: int = one.request("GET", "/status")[1]["uptime"]
    return uptime


def seen_s(one: Appliance) -> float:
    """When the node was heard of last, as monitoring is told."""
    found = re.search(
        r"^xinfer_node_seen_seconds\{.*\} (\S+)", one.request("GET", "/metrics")[1], re.M
    )
    assert found is not None
    return float(found[1])


@pytest.mark.parametrize(
    ("variables", "hub_name", "place"),
    [
        ({}, FACE, "home/cache/huggingface/hub"),
        ({"HF_HOME": "face"}, FACE, "face/hub"),
        ({"HF_HOME": "face", "HF_HUB_CACHE": "blobs"}, FACE, "blobs"),
        ({}, SCOPE, "home/cache/modelscope"),
        ({"MODELSCOPE_CACHE": "scope"}, SCOPE, "scope"),
    ],
)
def test_caches_are_where_the_variables_say(
    variables: dict[str, str],
    hub_name: Hub,
    place: str,
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, folder in variables.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    root = fetched(hub_name, tmp_path)
    assert root.is_relative_to(tmp_path / place)
    assert (root / WEIGHTS).is_file()
    assert asked_of(hub) == {hub_name}


@pytest.mark.parametrize(
    ("hub_name", "name"),
    [(FACE, "HF_TOKEN"), (FACE, "HUGGING_FACE_HUB_TOKEN"), (SCOPE, "MODELSCOPE_API_TOKEN")],
)
def test_tokens_are_sent(
    hub_name: Hub, name: str, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "secret-of-mine")
    fetched(hub_name, tmp_path)
    assert {one.token for one in hub.asked} == {"secret-of-mine"}


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_the_cache_is_used_and_nobody_asked(
    name: str, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(LaunchFailed, match="is not asked, as HF_HUB_OFFLINE is set"):
        fetched(FACE, tmp_path)
    monkeypatch.delenv(name)
    root = fetched(FACE, tmp_path)
    asked = len(hub.asked)
    monkeypatch.setenv(name, "1")
    assert fetched(FACE, tmp_path) == root
    assert len(hub.asked) == asked


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {FACE}),
        ({"XINFER_MODEL_SRC": "auto"}, {FACE}),
        ({"XINFER_MODEL_SRC": "modelscope"}, {SCOPE}),
        ({"XINFERENCE_MODEL_SRC": "modelscope"}, {SCOPE}),
        ({"XINFER_MODEL_SRC": "huggingface", "XINFERENCE_MODEL_SRC": "modelscope"}, {FACE}),
        ({"HF_ENDPOINT": NOWHERE}, {SCOPE}),
        ({"XINFER_MODEL_SRC": "modelscope", "MODELSCOPE_ENDPOINT": NOWHERE}, {FACE}),
    ],
)
def test_the_hub_that_families_come_from(
    variables: dict[str, str],
    expected: set[Hub],
    hub: HubServer,
    appliance: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = appliance(RECIPE)
    environment = {**one.environment, **variables}
    monkeypatch.setattr(type(one), "environment", environment)
    planned = one.run(*one.command_line("--dry-run"))
    assert planned.returncode == 0, planned.stderr
    assert f"to fetch     {FILE}" in planned.stdout
    assert asked_of(hub) == expected


def test_a_dry_run_weighs_what_is_not_here_yet(hub: HubServer, appliance: Start) -> None:
    one = appliance(RECIPE)
    planned = one.run(*one.command_line("--dry-run"))
    assert re.search(r"^memory +[\d.]+ MiB for each replica of chat$", planned.stdout, re.M)
    refused = one.run(*one.command_line("--dry-run", "+models.chat.engine_kwargs.n_ctx=900000000"))
    assert refused.returncode == 1
    assert "no room      chat: No node can take a replica that needs" in refused.stdout
    assert "What would fit: n_ctx: " in refused.stdout
    # The start says the same, and fetches nothing.
    one.start("+models.chat.engine_kwargs.n_ctx=900000000")
    wait_until("the refusal", lambda: "No node can take a replica" in one.output.read_text())
    assert hub.gets(FILE) == []


def test_a_server_fetches_from_the_hub_that_it_is_told(
    hub: HubServer, appliance: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = appliance(None, "cluster.node_grace_s=3")
    environment = {
        **one.environment,
        "XINFERENCE_MODEL_SRC": "modelscope",
        "MODELSCOPE_CACHE": str(tmp_path / "scope"),
    }
    monkeypatch.setattr(type(one), "environment", environment)
    one.start()
    wait_until("the worker", lambda: (one.request("GET", "/status")[1] or {}).get("workers"))
    done = one.run("xinfer", "download", *FAMILY)
    assert done.returncode == 0, done.stderr
    assert asked_of(hub) == {SCOPE}
    assert len(list((tmp_path / "scope").rglob(FILE))) == 1
    kept = one.run("xinfer", "cached", "-n", "qwen2.5-instruct")
    assert "qwen2.5-instruct--0_5B--ggufv2--q4_k_m" in kept.stdout.replace("\n", "")
    # Nothing happens for longer than a node may be silent, and nothing is forgotten.
    quiet_s, began_s = uptime_s(one) + 5, time.time()
    wait_until("some peace", lambda: uptime_s(one) > quiet_s)
    assert seen_s(one) > began_s
    assert "qwen2.5-instruct" in one.run("xinfer", "cached").stdout
    assert "done" in one.run("xinfer", "downloads", "list").stdout
    # One download may have a hub of its own.
    other = one.run("xinfer", "download", *FAMILY, "--download-hub", "huggingface")
    assert other.returncode == 0, other.stderr
    assert asked_of(hub) == {SCOPE, FACE}
