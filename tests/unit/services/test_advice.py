"""What somebody whose model finds no room is told, and that it is placed once there is room."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.domain.clusters import GIB, NOW, desired, node, observed
from tests.unit.engines.gguf_file import LLAMA, write_gguf
from tests.unit.services.conftest import House, Shelf
from xinfer.control.cluster import ClusterControl
from xinfer.domain.fleet import Policy
from xinfer.domain.model import Hub, ModelSpec, Source
from xinfer.domain.plan import plan
from xinfer.domain.state import Assigned, Desired, Observed
from xinfer.engines.registry import Registry
from xinfer.services.advice import Advice
from xinfer.services.estimates import Estimates
from xinfer.services.families import Families
from xinfer.services.fit import Fit

WIDE = {**LLAMA, "llama.attention.key_length": 4096, "llama.attention.value_length": 4096}


@pytest.fixture
def own(tmp_path: Path) -> ModelSpec:
    """A file of one's own, of which the cache of 8,192 tokens is one GiB."""
    file = write_gguf(tmp_path / "own.gguf", WIDE)
    return ModelSpec(uid="own", engine="llama.cpp", source=Source(hub=Hub.PATH, ref=str(file)))


FAMILIES, FIT = Families(Registry()), Fit(Registry())


def planned(want: Desired, seen: Observed) -> Assigned:
    weighed = Estimates(FAMILIES, FIT)(want, seen)
    made = plan(weighed, Assigned(), seen, NOW, Policy())
    return Advice(FAMILIES, FIT, clock=lambda: NOW)(weighed, made, seen)


@pytest.mark.parametrize(
    ("context", "slots", "held", "words"),
    [
        (32768, 4, 6, "n_ctx: 16384 (8.1 GiB); n_parallel: 2 (8.1 GiB)."),
        (32768, 4, 14, "n_ctx: 2048 (1.1 GiB)."),
        (131072, 16, 14, "n_parallel: 8, n_ctx: 1024 (1.1 GiB)."),
    ],
)
def test_a_file_of_ones_own_is_weighed_and_what_would_fit_is_told(
    own: ModelSpec, context: int, slots: int, held: int, words: str
) -> None:
    want = desired(replace(own, options={"n_ctx": context, "n_parallel": slots}))
    refused = planned(want, observed(node("a", held=held))).refusals["own"]
    assert f"other programs hold {held}.0 GiB" in refused
    assert refused.endswith(f" What would fit: {words}")
    small = desired(replace(own, options={"n_ctx": 1024}))
    assert planned(small, observed(node("a", held=held))).refusals == {}


def test_a_file_that_is_not_here_or_no_model_is_not_weighed(own: ModelSpec, tmp_path: Path) -> None:
    (tmp_path / "poem.gguf").write_text("A rose is a rose.")
    for name in ("poem.gguf", "elsewhere.gguf"):
        spec = replace(own, source=Source(hub=Hub.PATH, ref=str(tmp_path / name)))
        assert FAMILIES.needs(spec) is None
    assert FAMILIES.needs(replace(own, engine="command")) is None


def test_who_is_refused_is_placed_once_others_give_memory_back(house: House) -> None:
    control = ClusterControl(
        "control",
        desired=house.store,
        assigned=house.store,
        observed=house.store,
        events=house.store,
        node_grace_s=60,
        clock=lambda: house.now,
        advised=Advice(house.families, Fit(Shelf()), clock=lambda: house.now),
    )

    def step(held: int) -> list[str]:
        house.now += 2
        house.report(held=held)
        control.step()
        return [event.kind for event in house.store.events("m")]

    house.report()
    spec = ModelSpec(uid="m", engine="free", memory_bytes=6 * GIB)
    changes = house.recipes.apply([spec], "r")
    assert changes.no_room == {}
    assert step(held=12) == ["refused"]
    assert step(held=11) == ["refused"], "other amounts are no other refusal"
    again = house.recipes.apply([spec], "r")
    assert "5.0 GiB of 16.0 GiB memory free (other programs hold 11.0 GiB)" in again.no_room["m"]
    assert step(held=10) == ["refused", "assigned"]
    placed = house.store.assigned()
    assert "moved" not in step(held=15), "what runs is not moved for memory"
    assert house.store.assigned() == placed
