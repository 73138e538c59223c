"""The families that ship with xinfer: how many there are, and that no fact is lost on reading."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import xinfer.catalog
from xinfer.catalog.builtin import Builtin
from xinfer.catalog.family import UNSERVED, Family, Kind, Place, Shape, Variant
from xinfer.catalog.registry import Registry
from xinfer.errors import Invalid, NotFound

DATA = Path(xinfer.catalog.__file__).parent / "data"


@pytest.mark.parametrize(
    ("kind", "families", "variants"),
    [
        (Kind.LLM, 171, 997),
        (Kind.EMBEDDING, 47, 52),
        (Kind.RERANK, 17, 24),
        (Kind.IMAGE, 65, 74),
        (Kind.AUDIO, 102, 102),
        (Kind.VIDEO, 29, 30),
    ],
)
def test_all_families_are_there(kind: Kind, families: int, variants: int) -> None:
    found = Builtin().families(kind)
    assert (len(found), sum(len(one.variants) for one in found)) == (families, variants)
    assert {one.kind for one in found} == {kind}


def keys(part: type) -> set[str]:
    return {field.name for field in fields(part)}


@pytest.mark.parametrize("kind", Kind)
def test_the_data_says_nothing_that_is_not_read(kind: Kind) -> None:
    entries: list[dict[str, Any]] = json.loads((DATA / f"{kind.lower()}.json").read_text())
    for entry in entries:
        assert set(entry) <= keys(Family), entry["name"]
        for variant in entry["variants"]:
            assert set(variant) <= keys(Variant), entry["name"]
            assert set(variant.get("shape", {})) <= keys(Shape), entry["name"]
            for place in variant["sources"].values():
                assert set(place) <= keys(Place), entry["name"]


def test_what_a_family_knows() -> None:
    registry = Registry(Builtin())
    qwen = registry.find(Kind.LLM, "qwen2.5-instruct")
    assert qwen.context_length == 32768
    assert qwen.abilities == ("chat", "tools")
    assert qwen.architectures == ("Qwen2ForCausalLM",)
    assert "0.5" in {variant.size for variant in qwen.variants}
    assert registry.find(Kind.EMBEDDING, "bge-m3").dimensions == 1024
    assert registry.find(Kind.RERANK, "bge-reranker-v2-m3").rerank_type == "normal"
    flux = registry.find(Kind.IMAGE, "FLUX.1-dev")
    assert [variant.format for variant in flux.variants] == ["pytorch", "gguf"]
    assert flux.variants[1].sources["huggingface"].file == "flux1-dev-{quantization}.gguf"


def test_a_listing_has_each_name_once_without_regard_to_case() -> None:
    names = [one.name for one in Registry(Builtin()).families(Kind.AUDIO)]
    assert len(names) == len(set(names)) == 64
    assert names == sorted(names, key=str.lower)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    registry = Registry(Builtin())
    with pytest.raises(NotFound, match="no LLM model") as caught:
        registry.find(Kind.LLM, "qwen2.5-instrukt")
    assert "'qwen2.5-instruct'" in caught.value.hint
    assert registry.kinds_of("bge-m3") == (Kind.EMBEDDING,)
    assert registry.kinds_of("nothing") == ()


def test_custom_families_come_last_and_hide_nothing() -> None:
    mine = Family(name="mine", builtin=False, version=2)
    shadow = Family(name="qwen2.5-instruct", builtin=False)
    registry = Registry(Builtin(), [mine, shadow])
    assert registry.find(Kind.LLM, "mine") is mine
    assert registry.find(Kind.LLM, "qwen2.5-instruct").builtin
    assert [one.builtin for one in registry.families(Kind.LLM) if one.name == shadow.name] == [True]


def test_what_nothing_can_run_says_so() -> None:
    assert set(Kind) - set(UNSERVED) == {Kind.LLM, Kind.EMBEDDING, Kind.RERANK}
    assert all("no engine" in reason for reason in UNSERVED.values())
    assert Kind.of("llm") is Kind.LLM
    with pytest.raises(Invalid, match="no model type 'embeding'") as caught:
        Kind.of("embeding")
    assert "'embedding'" in caught.value.hint
