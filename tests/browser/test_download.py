"""A model of a hub, launched from the form: each file as it comes, and a launch cancelled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import Open
from tests.hub.faults import Fault
from tests.hub.models import REPO, WEIGHTS, write_repo
from tests.hub.server import HubServer, serving
from tests.process.appliance import Appliance, wait_until


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """Slow with the weights; the hub of the environment."""
    with write_repo(tmp_path / "models").joinpath("tiny.gguf").open("wb") as file:
        file.truncate(120 * 2**20)
    for name in ("HF_HOME", "HF_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "of-others"))
    with serving(tmp_path / "models") as server:
        server.faults["tiny.gguf"] = Fault(pause_s=0.1)
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.fixture
def fresh(hub: HubServer, tmp_path: Path) -> Iterator[Appliance]:
    appliance = Appliance(tmp_path, "defaults: [base]").start()
    wait_until("the server", lambda: appliance.request("GET", "/v1/models")[0] == 200, 120)
    yield appliance
    appliance.destroy()


def test_each_file_is_shown_as_it_comes(hub: HubServer, fresh: Appliance, open_page: Open) -> None:
    page = open_page(f"{fresh.url}/ui#/launch/source")
    page.get_by_label("Engine", exact=True).select_option("llama.cpp")
    page.get_by_label("Source").select_option("huggingface")
    page.locator("#f-ref").fill(REPO)
    page.locator("#f-files").fill("*.gguf")
    page.locator("#f-uid").fill("tiny")
    page.get_by_role("button", name="Launch tiny").click()
    file = page.locator(".downloads li", has_text="tiny.gguf")
    file.get_by_text(re.compile(r"MiB of 120 MiB")).wait_for()
    file.get_by_role("progressbar", name="Download of tiny.gguf").wait_for()
    page.get_by_role("button", name="Cancel the launch of tiny").click()
    page.get_by_text("No model 'tiny'").wait_for()
    clients = "xinfer.catalog.clients.huggingface"
    wait_until("the end of the download", lambda: not fresh.processes(clients))
    assert hub.gets(WEIGHTS) == []
