"""Families and variants as Xinference's clients read them."""

from __future__ import annotations

import json

import pytest

from xinfer.catalog import peer
from xinfer.catalog.builtin import Builtin
from xinfer.catalog.custom import parse
from xinfer.catalog.family import Family, Kind, Place, Variant
from xinfer.catalog.match import Wish, choose
from xinfer.catalog.registry import Registry
from xinfer.catalog.summary import summary


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry(Builtin())


def test_every_hub_and_quantization_is_a_spec(registry: Registry) -> None:
    qwen = peer.detailed(registry.find(Kind.LLM, "qwen2.5-instruct"))
    assert (qwen["model_name"], qwen["is_builtin"], qwen["version"]) == (
        "qwen2.5-instruct",
        True,
        2,
    )
    assert (qwen["context_length"], qwen["model_ability"]) == (32768, ["chat", "tools"])
    assert qwen["download_hubs"] == ["huggingface", "modelscope"]
    specs = [
        one
        for one in qwen["model_specs"]
        if one["model_format"] == "ggufv2" and one["quantization"] == "q4_k_m"
    ]
    smallest = [one for one in specs if one["model_size_in_billions"] == "0_5"]
    assert [one["model_hub"] for one in smallest] == ["huggingface", "modelscope"]
    assert smallest[0]["model_id"] == "Qwen/Qwen2.5-0.5B-Instruct-GGUF"
    assert smallest[0]["model_file_name_template"] == "qwen2.5-0.5b-instruct-{quantization}.gguf"
    assert {one["model_size_in_billions"] for one in specs} == {"0_5", "1_5", 3, 7, 14, 32, 72}


def test_repositories_have_their_quantization_in_place(registry: Registry) -> None:
    for kind in Kind:
        for family in registry.families(kind):
            for spec in peer.detailed(family)["model_specs"]:
                assert "{" not in (spec["model_id"] or ""), family.name


def test_every_type_has_the_keys_that_clients_read(registry: Registry) -> None:
    keys = {
        Kind.LLM: {"model_lang", "model_ability", "model_family", "context_length"},
        Kind.EMBEDDING: {"language", "dimensions", "max_tokens"},
        Kind.RERANK: {"language", "type"},
        Kind.IMAGE: {"model_family", "model_id", "model_hub", "model_revision"},
        Kind.AUDIO: {"model_family", "multilingual", "model_id"},
        Kind.VIDEO: {"model_family", "model_ability", "model_id"},
    }
    for kind, expected in keys.items():
        for family in registry.families(kind):
            found = peer.detailed(family)
            missing = expected - set(found)
            assert not missing or not family.variants, (family.name, missing)
            json.dumps(found)
    flux = peer.detailed(registry.find(Kind.IMAGE, "FLUX.1-dev"))
    assert flux["model_id"] == "black-forest-labs/FLUX.1-dev"
    assert flux["gguf_model_file_name_template"] == "flux1-dev-{quantization}.gguf"
    assert "Q4_0" in flux["gguf_quantizations"]
    assert peer.detailed(registry.find(Kind.RERANK, "bge-reranker-base"))["model_ability"] == [
        "rerank"
    ]


def test_drafters_are_told(registry: Registry) -> None:
    specs = peer.detailed(registry.find(Kind.LLM, "gemma-4"))["model_specs"]
    assert specs[0]["draft_model_id"] == "google/gemma-4-E2B-it-assistant"


def test_a_listing_is_short(registry: Registry) -> None:
    assert peer.brief(registry.find(Kind.LLM, "qwen-chat")) == {
        "model_name": "qwen-chat",
        "is_builtin": True,
    }


@pytest.mark.parametrize(
    ("kind", "name", "format_", "version"),
    [
        (Kind.LLM, "qwen2.5-instruct", "gguf", "qwen2.5-instruct--0_5B--ggufv2--q2_k"),
        (Kind.LLM, "baichuan-2", "pytorch", "baichuan-2--7B--pytorch--none"),
        (Kind.EMBEDDING, "bge-m3", "pytorch", "bge-m3--8192--1024--pytorch--none"),
        (Kind.RERANK, "bge-reranker-base", "pytorch", "bge-reranker-base"),
    ],
)
def test_versions(registry: Registry, kind: Kind, name: str, format_: str, version: str) -> None:
    family = registry.find(kind, name)
    choice = choose(family, Wish(format=format_))
    assert peer.version(family, choice.variant, choice.quantization) == version


def test_what_is_told_can_be_registered_again(registry: Registry) -> None:
    for kind, name in (
        (Kind.LLM, "qwen2.5-instruct"),
        (Kind.LLM, "gemma-3-it"),
        (Kind.EMBEDDING, "bge-m3"),
        (Kind.RERANK, "bge-reranker-v2-m3"),
    ):
        told = peer.detailed(registry.find(kind, name))
        again = parse(kind, json.dumps({**told, "model_name": "again"}))
        assert {
            (one["model_hub"], one["model_id"], one["quantization"])
            for one in peer.detailed(again)["model_specs"]
        } == {
            (one["model_hub"], one["model_id"], one["quantization"]) for one in told["model_specs"]
        }


def test_a_summary_says_what_one_searches_by() -> None:
    family = Family(
        name="tiny",
        abilities=("chat",),
        context_length=4096,
        variants=(
            Variant(format="gguf", size="0.5", sources={"huggingface": Place(repo="a/b")}),
            Variant(format="awq", size="0.5", sources={"modelscope": Place(repo="a/c")}),
        ),
    )
    found = summary(family)
    assert (found["sizes"], found["formats"]) == (["0.5"], ["ggufv2", "awq"])
    assert found["hubs"] == ["huggingface", "modelscope"]
    assert (found["model_ability"], found["context_length"]) == (["chat"], 4096)
