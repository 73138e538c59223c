"""Registrations of users: what they become, and the key of every mistake."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xinfer.catalog.builtin import Builtin
from xinfer.catalog.custom import parse
from xinfer.catalog.family import Family, Kind, Shape
from xinfer.catalog.form import check_spelling
from xinfer.catalog.match import Wish, choose, source
from xinfer.domain.model import Hub
from xinfer.errors import Invalid, NotFound

BUILTIN = Builtin().families(Kind.LLM)
PAGE = Path(__file__).parents[3] / "docs" / "catalog.md"

GGUF = {
    "model_format": "ggufv2",
    "model_size_in_billions": "0_5",
    "quantization": "q4_k_m",
    "model_id": "me/mine-GGUF",
    "model_file_name_template": "mine-{quantization}.gguf",
}
LLM: dict[str, Any] = {
    "version": 2,
    "model_name": "mine",
    "model_lang": ["en"],
    "model_ability": ["chat"],
    "model_family": "qwen2.5-instruct",
    "model_specs": [
        {
            "model_format": "pytorch",
            "model_size_in_billions": 7,
            "quantization": "none",
            "model_id": "me/mine",
            "model_revision": "main",
        },
        GGUF,
    ],
}
EMBEDDING: dict[str, Any] = {
    "version": 2,
    "model_name": "mine",
    "dimensions": 384,
    "max_tokens": 512,
    "language": ["en"],
    "model_specs": [{"model_format": "pytorch", "model_id": "me/mine", "quantization": "none"}],
}
RERANK: dict[str, Any] = {
    "version": 2,
    "model_name": "mine",
    "language": ["en"],
    "type": "normal",
    "model_specs": [{"model_format": "pytorch", "model_uri": "/models/mine"}],
}
FORMS = {Kind.LLM: LLM, Kind.EMBEDDING: EMBEDDING, Kind.RERANK: RERANK}


def made(model: str | Mapping[str, Any], kind: Kind = Kind.LLM) -> Family:
    return parse(kind, model, BUILTIN)


def whole(key: str) -> str:
    return f"model_specs{key}" if key.startswith("[") else key


def changed(model: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with other values at dotted keys, `[0]` being a spec; `...` removes one."""
    result = copy.deepcopy(dict(model))
    for key, value in changes.items():
        *path, last = re.findall(r"\w+", whole(key))
        part: Any = result
        for step in path:
            part = part[int(step) if step.isdigit() else step]
        if value is ...:
            del part[last]
        else:
            part[int(last) if last.isdigit() else last] = value
    return result


def test_a_text_model_leans_on_its_family() -> None:
    family = made(LLM)
    assert (family.name, family.builtin, family.family) == ("mine", False, "qwen2.5-instruct")
    assert family.architectures == ("Qwen2ForCausalLM",)
    assert "<|im_end|>" in family.stop
    assert [(one.format, one.size) for one in family.variants] == [
        ("pytorch", "7"),
        ("gguf", "0.5"),
    ]
    found = source(choose(family, Wish(format="gguf")))
    assert (found.hub, found.ref) == (Hub.HUGGINGFACE, "me/mine-GGUF")
    assert found.files == ("mine-q4_k_m.gguf",)


def test_what_is_said_wins_and_a_style_replaces_it() -> None:
    own = changed(LLM, {"stop": ["END"], "architectures": ["Mine"], "model_family": "unheard-of"})
    family = made(own)
    assert (family.stop, family.architectures) == (("END",), ("Mine",))
    styled = made(changed(own, {"chat_template": "deepseek-r1-distill-qwen"}))
    assert "END" not in styled.stop
    assert (styled.reasoning_start, styled.chat_template) == ("<think>", "")
    template = "{% for message in messages %}{{ message.content }}{% endfor %}"
    assert made(changed(own, {"chat_template": template})).chat_template == template


def test_a_vision_family_sees() -> None:
    assert made(changed(LLM, {"model_family": "qwen2.5-vl-instruct"})).abilities == (
        "chat",
        "vision",
    )


def test_embedding_and_rerank() -> None:
    embedding = made(EMBEDDING, Kind.EMBEDDING)
    assert (embedding.dimensions, embedding.max_tokens) == (384, 512)
    rerank = made(RERANK, Kind.RERANK)
    assert rerank.rerank_type == "normal"
    found = source(choose(rerank, Wish()))
    assert (found.hub, found.ref) == (Hub.PATH, "/models/mine")


def test_the_same_variant_on_two_hubs_is_one_with_a_mirror() -> None:
    there = {**GGUF, "model_hub": "modelscope", "model_id": "Me/mine-GGUF"}
    family = made(changed(LLM, {"model_specs": [GGUF, there]}))
    assert len(family.variants) == 1
    assert source(choose(family, Wish())).mirrors[0].ref == "Me/mine-GGUF"


def test_the_shape_of_the_network_may_be_told() -> None:
    metadata = {
        "num_hidden_layers": 24,
        "hidden_size": 896,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "intermediate_size": 4864,
        "vocab_size": 151936,
    }
    family = made(changed(LLM, {"[0].model_metadata": metadata}))
    assert family.variants[0].shape == Shape(
        layers=24, hidden=896, heads=14, intermediate=4864, vocab=151936, kv_heads=2
    )


@pytest.mark.parametrize("uri", ["/models/my model", "file:///models/my%20model"])
def test_files_of_the_worker(uri: str) -> None:
    family = made(changed(LLM, {"[0].model_uri": uri}))
    found = source(choose(family, Wish(format="pytorch")))
    assert (found.hub, found.ref, found.files) == (Hub.PATH, "/models/my model", ())


@pytest.mark.parametrize("kind", FORMS)
def test_unknown_keys_are_passed_over(kind: Kind) -> None:
    more = changed(FORMS[kind], {"is_builtin": True, "shiny": 1, "[0].shiny": [1]})
    assert made(more, kind) == made(FORMS[kind], kind)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("contxt_length", "context_length"),
        ("model_specs[0].quantisation", "quantization"),
        ("model_specs[1].model_formt", "model_format"),
    ],
)
def test_a_known_key_that_is_mistyped_is_named(wrong: str, right: str) -> None:
    model = copy.deepcopy(LLM | {"context_length": 512})
    place = re.match(r"model_specs\[(\d)\]", wrong)
    where = model["model_specs"][int(place[1])] if place else model
    check_spelling(Kind.LLM, model)
    where[wrong.rpartition(".")[2]] = where.pop(right)
    with pytest.raises(Invalid, match=f"Did you mean '{right}'") as caught:
        check_spelling(Kind.LLM, json.dumps(model))
    assert caught.value.key == wrong


@pytest.mark.parametrize(
    ("changes", "key", "hint"),
    [
        ({"version": ...}, "version", ""),
        ({"version": 1}, "version", "version 2"),
        ({"model_name": ...}, "model_name", ""),
        ({"model_name": ""}, "model_name", "letters"),
        ({"model_name": ".."}, "model_name", "letters"),
        ({"model_name": "a b"}, "model_name", "letters"),
        ({"model_name": "a/b"}, "model_name", "letters"),
        # Longer than the address by which it could be looked at or forgotten; not seen in a list.
        ({"model_name": "a" * 201}, "model_name", "up to 200"),
        ({"model_name": "a\u202eb"}, "model_name", "letters"),
        ({"model_name": "\u200b"}, "model_name", "letters"),
        ({"model_name": "\ud800"}, "model_name", "letters"),
        ({"model_lang": "en"}, "model_lang", ""),
        ({"model_lang": ["en", 3]}, "model_lang[1]", ""),
        ({"model_ability": ["chat", "visoin"]}, "model_ability[1]", "'vision'"),
        ({"model_family": ...}, "model_family", ""),
        ({"model_family": ""}, "model_family", "weights"),
        (
            {"model_ability": ["chat", "tools"], "model_family": "qwen2.5-instrukt"},
            "model_family",
            "'qwen2.5-instruct'",
        ),
        ({"model_ability": ["vision"]}, "model_family", ""),
        ({"context_length": 0}, "context_length", ""),
        ({"context_length": "long"}, "context_length", ""),
        ({"chat_template": "qwen2.5-instrukt"}, "chat_template", "'qwen2.5-instruct'"),
        ({"virtualenv": "torch"}, "virtualenv", ""),
        ({"model_specs": []}, "model_specs", "one"),
        ({"[1]": "gguf"}, "[1]", ""),
        ({"[1].model_format": "ggufv3"}, "[1].model_format", "'ggufv2'"),
        ({"[0].quantization": ...}, "[0].quantization", "none"),
        ({"[1].model_size_in_billions": ...}, "[1].model_size_in_billions", ""),
        *(
            ({"[0].model_size_in_billions": size}, "[0].model_size_in_billions", "")
            for size in ("big", "-1", 0, "inf", "nan", [7])
        ),
        ({"[0].model_hub": "hugginface"}, "[0].model_hub", "'huggingface'"),
        ({"[0].model_id": "../etc"}, "[0].model_id", "org/repo"),
        ({"[0].model_revision": "a b"}, "[0].model_revision", "commit"),
        *(
            ({"[0].model_uri": uri}, "[0].model_uri", "")
            for uri in ("models/x", "~/x", "/a/../etc", "s3://b/x", "file://far/x", "file:///a/%2e%2e/b")
        ),
        (
            {"[1].model_file_name_template": ...},
            "[1].model_file_name_template",
            "{quantization}",
        ),
        *(
            (
                {"[1].model_file_name_template": name},
                "[1].model_file_name_template",
                "relative",
            )
            for name in ("/x.gguf", "../{quantization}.gguf", "*.gguf", "x-{size}.gguf", "a\\b")
        ),
        ({"[1].quantization": "../q8"}, "[1].quantization", "relative"),
        (
            {"[1].quantization_parts": {"q4_k_m": ["1"]}},
            "[1].model_file_name_split_template",
            "{part}",
        ),
        (
            {"[1].multimodal_projectors": ["../p.gguf"]},
            "[1].multimodal_projectors",
            "relative",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_its_key(changes: dict[str, Any], key: str, hint: str) -> None:
    with pytest.raises(Invalid) as caught:
        made(changed(LLM, changes))
    assert caught.value.key == whole(key)
    assert caught.value.message.startswith(f"{whole(key)}: ")
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "changes", "key"),
    [
        (Kind.EMBEDDING, {"dimensions": ...}, "dimensions"),
        (Kind.EMBEDDING, {"max_tokens": 0}, "max_tokens"),
        (Kind.EMBEDDING, {"[0].model_format": "awq"}, "[0].model_format"),
        (Kind.RERANK, {"language": ...}, "language"),
        (Kind.RERANK, {"model_ability": ["rerank_visions"]}, "model_ability[0]"),
    ],
)
def test_other_kinds_have_keys_of_their_own(kind: Kind, changes: dict[str, Any], key: str) -> None:
    with pytest.raises(Invalid) as caught:
        made(changed(FORMS[kind], changes), kind)
    assert caught.value.key == whole(key)


@pytest.mark.parametrize("kind", [Kind.IMAGE, Kind.AUDIO, Kind.VIDEO])
def test_what_nothing_can_run_is_not_registered(kind: Kind) -> None:
    with pytest.raises(Invalid, match="no engine"):
        made({}, kind)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"model_name": "x",}', "not JSON"),
        ("{", "not JSON"),
        ('{"a":' * 100_000, "nested"),
        ("[" * 5000, "nested"),
        ("a: b: c", "not YAML"),
        ("a: &x [1]\nb: *x", "Aliases"),
        ("a: !!python/object:os.system {}", "not YAML"),
        ("hello", "not an object"),
        ("", "not an object"),
        ('{"model_name": "\\ud800"}', "not JSON"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as caught:
        made(text)
    assert caught.value.key == "model"


def test_yaml_keeps_text_that_looks_like_something_else() -> None:
    text = """
        version: 2
        model_name: mine
        model_lang: [no, en]
        model_ability: [generate]
        model_family: 7-up
        model_specs:
        - {model_format: mlx, model_size_in_billions: 1_8, quantization: 4bit,
           model_id: me/mine, model_revision: 2024-01-02}
    """
    family = made(text)
    assert family.languages == ("no", "en")
    variant = family.variants[0]
    assert (variant.size, variant.sources["huggingface"].revision) == ("1.8", "2024-01-02")


def test_the_examples_of_the_page_are_read() -> None:
    blocks = re.findall(r"```(json|yaml)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert [language for language, _ in blocks] == ["json", "yaml"]
    assert made(blocks[0][1]).name == "support-chat"
    assert made(blocks[1][1], Kind.EMBEDDING).name == "house-embeddings"


WORDS = st.text(st.characters(codec="utf-8"), max_size=5)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)


@settings(deadline=None)
@given(st.sampled_from(list(FORMS)), st.data())
def test_anything_is_taken_or_refused_in_words(kind: Kind, data: st.DataObject) -> None:
    form = copy.deepcopy(FORMS[kind])
    spec = form["model_specs"][-1]
    part = data.draw(st.sampled_from([form, spec]))
    part[data.draw(st.sampled_from([*part, "model_metadata", "quantization_parts"]))] = data.draw(
        VALUES
    )
    refused = ""
    try:
        family = made(form, kind)
        assert made(json.dumps(form), kind) == family
        assert source(choose(family, Wish())).ref
    except (Invalid, NotFound) as refusal:
        refused = refusal.message
    assert refused or family.name
