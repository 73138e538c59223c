"""What clients of Xinference say, in the words of each engine."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from xinfer.engines.registry import Registry
from xinfer.errors import Invalid
from xinfer.gateway.dialects import CHAT, COMPLETIONS, EMBEDDINGS, RERANK, RESPONSES, Dialects
from xinfer.gateway.peek import peek

DIALECTS = Dialects(lambda engine: Registry().get(engine).traits.dialect)
MESSAGES = [{"role": "user", "content": "hi"}]
SCHEMA = {"type": "object", "required": ["a"]}


def sent(engine: str, path: str = CHAT, **fields: Any) -> dict[str, Any]:
    """What the engine gets, without what every request of these tests has."""
    asked = {"model": "m", **({"messages": MESSAGES} if path == CHAT else {}), **fields}
    body = json.dumps(asked).encode()
    translated, peeked = DIALECTS.translate(path, body, peek(body), engine)
    got: dict[str, Any] = json.loads(translated)
    assert got == {key: json.loads(bytes(raw)) for key, raw in peeked.fields.items()}
    assert got.pop("messages", MESSAGES) == MESSAGES
    return got


@pytest.mark.parametrize(
    ("engine", "bound", "expected"),
    [
        ("llama.cpp", {"guided_json": SCHEMA}, {"json_schema": SCHEMA}),
        ("llama.cpp", {"guided_json": json.dumps(SCHEMA)}, {"json_schema": SCHEMA}),
        ("llama.cpp", {"guided_json_object": True}, {"json_schema": {"type": "object"}}),
        ("llama.cpp", {"guided_grammar": "root ::= x"}, {"grammar": "root ::= x"}),
        (
            "llama.cpp",
            {"guided_choice": ['say "é"', "no\n"]},
            {"grammar": 'root ::= "say \\"é\\"" | "no\\n"'},
        ),
        ("vllm", {"guided_json": SCHEMA}, {"structured_outputs": {"json": SCHEMA}}),
        ("vllm", {"guided_regex": "a+"}, {"structured_outputs": {"regex": "a+"}}),
        ("vllm", {"guided_choice": ["a"]}, {"structured_outputs": {"choice": ["a"]}}),
        ("vllm", {"guided_grammar": "g"}, {"structured_outputs": {"grammar": "g"}}),
        ("vllm", {"guided_json_object": True}, {"structured_outputs": {"json_object": True}}),
        ("sglang", {"guided_regex": "a+"}, {"regex": "a+"}),
        ("sglang", {"guided_grammar": "g"}, {"ebnf": "g"}),
        ("sglang", {"guided_json_object": True}, {"response_format": {"type": "json_object"}}),
    ],
)
def test_a_reply_is_bound_as_the_engine_can_bind_it(
    engine: str, bound: dict[str, Any], expected: dict[str, Any]
) -> None:
    for said in (bound, {"extra_body": bound}):
        got = sent(engine, **said, guided_decoding_backend="outlines")
        assert expected.items() <= got.items()
        assert not [key for key in got if key.startswith(("guided", "extra"))]


def test_choices_are_words_to_sglang_and_no_pattern() -> None:
    pattern = sent("sglang", guided_choice=["a.b", "(c)"])["regex"]
    assert [bool(re.fullmatch(pattern, text)) for text in ("a.b", "(c)", "axb")] == [1, 1, 0]


@pytest.mark.parametrize(
    ("engine", "fields", "key"),
    [
        ("llama.cpp", {"guided_regex": "a"}, "guided_regex"),
        ("transformers", {"guided_json": SCHEMA}, "guided_json"),
        ("mlx", {"guided_choice": ["a"]}, "guided_choice"),
        ("transformers", {"generation_config": "{"}, "generation_config"),
        ("vllm", {"guided_json": "{"}, "guided_json"),
        ("vllm", {"guided_choice": []}, "guided_choice"),
        ("vllm", {"guided_regex": "a", "guided_json": SCHEMA}, "guided_json and guided_regex"),
        ("vllm", {"guided_regex": "a", "structured_outputs": {"regex": "b"}}, "guided_regex"),
        ("vllm", {"chat_template_kwargs": "{"}, "chat_template_kwargs"),
        ("vllm", {"chat_template_kwargs": "[]"}, "chat_template_kwargs"),
        ("vllm", {"enable_thinking": "no"}, "enable_thinking"),
        ("vllm", {"messages": []}, "messages"),
        ("echo", {"messages": None}, "messages"),
    ],
)
def test_what_an_engine_cannot_keep_to_is_refused(
    engine: str, fields: dict[str, Any], key: str
) -> None:
    with pytest.raises(Invalid) as refused:
        sent(engine, **fields)
    assert refused.value.key == key


@pytest.mark.parametrize(
    "said",
    [
        {"enable_thinking": False},
        {"extra_body": {"enable_thinking": False}},
        {"enable_thinking": False, "chat_template_kwargs": "{}"},
        {"chat_template_kwargs": '{"enable_thinking": false, "thinking": false}'},
        {"chat_template_kwargs": {"enable_thinking": False}, "enable_thinking": False},
    ],
)
def test_templates_are_told_whether_to_think(said: dict[str, Any]) -> None:
    thinking = {"enable_thinking": False, "thinking": False}
    assert sent("vllm", **said) == {"model": "m", "chat_template_kwargs": thinking}


def test_keys_have_the_name_that_the_engine_reads() -> None:
    assert sent("llama.cpp", repetition_penalty=1.1)["repeat_penalty"] == 1.1
    assert sent("llama.cpp", COMPLETIONS, prompt="x", repetition_penalty=2)["repeat_penalty"] == 2
    assert sent("vllm", repetition_penalty=1.1)["repetition_penalty"] == 1.1
    assert sent("vllm", lora_name="pirate")["model"] == "pirate"
    assert sent("sglang", lora_name="pirate")["lora_path"] == "pirate"
    assert sent("transformers", request_id="r", lora_name="x") == {"model": "m"}


def test_transformers_is_told_how_to_sample_in_one_piece() -> None:
    got = sent("transformers", top_k=5, repetition_penalty=1.1, min_p=None, temperature=0.5)
    assert got.keys() == {"model", "temperature", "generation_config"}
    said = {"top_k": 5, "repetition_penalty": 1.1}
    assert json.loads(got["generation_config"]) == {**said, "max_new_tokens": 1024}
    own = json.dumps({"top_k": 9, "num_beams": 2})
    got = sent("transformers", top_k=5, max_tokens=3, generation_config=own)
    assert json.loads(got["generation_config"]) == {"top_k": 5, "num_beams": 2}
    assert sent("transformers", top_k=None) == {"model": "m"}


def test_responses_come_whole_unless_a_stream_is_asked_for() -> None:
    assert sent("transformers", RESPONSES, input="x")["stream"] is False
    assert sent("transformers", RESPONSES, input="x", stream=True)["stream"] is True


def test_other_vectors_than_were_asked_for_are_not_given() -> None:
    for key in ("dimensions", "return_sparse"):
        with pytest.raises(Invalid) as refused:
            sent("llama.cpp", EMBEDDINGS, input="x", **{key: 4})
        assert refused.value.key == key
    plain = {"input": "x", "dimensions": None, "return_sparse": False}
    assert sent("llama.cpp", EMBEDDINGS, **plain) == {"model": "m", **plain}
    assert sent("vllm", EMBEDDINGS, input="x", dimensions=4)["dimensions"] == 4


def test_nulls_of_a_rerank_are_left_out() -> None:
    asked = {"query": "q", "documents": ["d"]}
    nulls = {"top_n": None, "max_chunks_per_doc": None, "return_len": None, "kwargs": "{}"}
    assert sent("vllm", RERANK, **asked, **nulls) == {"model": "m", **asked}


def test_what_needs_no_change_is_passed_on_byte_by_byte() -> None:
    body = b'{ "model":"m", "messages": [1.50], "chat_template_kwargs": {"a": 1}, "top_k": 4}'
    for engine in ("llama.cpp", "vllm", "echo"):
        asked = peek(body)
        assert DIALECTS.translate(CHAT, body, asked, engine) == (body, asked)
