"""The cluster's page, also with accelerators that this machine does not have."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from tests.browser.conftest import Open
from tests.process.appliance import Appliance

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

GIB = 2**30
ANSWERS = itertools.count()


def box(name: str, boards: int, turn: int) -> dict[str, Any]:
    devices = [
        {
            "index": index,
            "name": "NVIDIA H100 80GB HBM3",
            "kind": "cuda",
            "total_bytes": 80 * GIB,
            "used_bytes": (10 + 8 * index) * GIB,
            "load": (10 * index + 5 * (turn % 3)) / 100,
        }
        for index in range(boards)
    ]
    return {
        "node_type": "Worker",
        "node": name,
        "ip_address": f"{name}:9001",
        "gpu_count": boards,
        "gpu_names": [device["name"] for device in devices],
        "gpu_vram_total": boards * 80 * GIB,
        "gpu_vram_available": 0,
        "devices": devices,
        "cpu_count": 64,
        "load": 0.25,
        "mem_total": 512 * GIB,
        "mem_available": 384 * GIB,
        "mem_used": 128 * GIB,
        "software_version": "0.1.0",
        "alive": True,
        "labels": {"rack": "7"},
    }


def answer(route: Any) -> None:
    turn = next(ANSWERS)
    workers = [box("big", 8, turn), box("small", 0, turn)]
    route.fulfill(body=json.dumps(workers), content_type="application/json")


@pytest.mark.parametrize(("theme", "width"), [("light", 360), ("dark", 1280)])
def test_every_accelerator_is_drawn(
    server: Appliance, open_page: Open, theme: str, width: int
) -> None:
    page = open_page(f"{server.url}/ui", theme, width)
    page.route("**/v1/cluster/info*", answer)
    page.goto(f"{server.url}/ui#/cluster")
    page.get_by_role("img", name="Processor load: big 25 %, small 25 %").wait_for()
    loads = page.get_by_role("img", name="Accelerator load: GPU 0")
    loads.wait_for()
    assert loads.count() == 1, "those of one node in one plot"
    page.wait_for_function("document.querySelectorAll('.plots-inner .plot-line').length === 16")
    assert "GPU 7 66.0 GiB" in str(
        page.get_by_role("img", name="Accelerator memory").get_attribute("aria-label")
    )
    drawn = page.locator(".plots-inner .plot-line").first
    before = drawn.get_attribute("d")
    page.wait_for_function(
        "(old) => document.querySelector('.plots-inner .plot-line').getAttribute('d') !== old",
        arg=before,
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not axe.Axe().run(page).response["violations"]


def test_this_machine_tells_its_load(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/cluster")
    page.locator(".fact", has_text="Load").filter(has_text="%").first.wait_for()
    _, nodes = server.request("GET", "/v1/cluster/info?detailed=true")
    assert 0 <= nodes[1]["load"] <= 1
