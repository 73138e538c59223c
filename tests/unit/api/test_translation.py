"""The peer's launch keys as options of each engine."""

from __future__ import annotations

from typing import Any

import pytest

from xinfer.api.schemas.translation import translated
from xinfer.engines.registry import Registry
from xinfer.errors import Invalid

ONE = {"lora_list": [{"lora_name": "sql", "local_path": "/lora/sql"}]}
TWO = {"lora_list": [*ONE["lora_list"], {"lora_name": "x", "local_path": "/lora/x"}]}


@pytest.mark.parametrize(
    ("engine", "given", "made"),
    [
        ("vLLM", {"peft_model_config": ONE}, {"lora_modules": ["sql=/lora/sql"]}),
        ("SGLang", {"peft_model_config": TWO}, {"lora_paths": ["sql=/lora/sql", "x=/lora/x"]}),
        ("llama.cpp", {"peft_model_config": ONE}, {"lora": ["/lora/sql"]}),
        ("MLX", {"peft_model_config": ONE}, {"adapter_path": "/lora/sql"}),
        ("echo", {"peft_model_config": {"lora_list": []}}, {}),
        ("vllm", {"enable_thinking": False}, {"chat_template_kwargs": {"enable_thinking": False}}),
        ("vllm", {"trust_remote_code": True}, {"trust_remote_code": True}),
        (
            "transformers",
            {"quantization_config": {"load_in_4bit": True}},
            {"quantization": "bnb-4bit"},
        ),
        ("llama.cpp", {"trust_remote_code": True, "n_ctx": 9}, {"n_ctx": 9}),
        ("sglang", {"enable_thinking": None, "tp_size": 2}, {"tp_size": 2}),
    ],
)
def test_a_key_becomes_the_engines_option(engine: str, given: Any, made: Any) -> None:
    assert translated(engine, given) == made
    spellings = {
        name for option in Registry().get(engine).options for name in (option.name, *option.aliases)
    }
    assert set(made) <= spellings, "the engine has no such option"


@pytest.mark.parametrize(
    ("engine", "given", "words"),
    [
        ("transformers", {"peft_model_config": ONE}, "no option for adapters"),
        ("mlx", {"peft_model_config": TWO}, "one adapter"),
        ("vllm", {"peft_model_config": {"lora_list": [{"lora_name": "x"}]}}, "local_path"),
        ("vllm", {"peft_model_config": ONE, "lora_modules": ["a=/b"]}, "twice"),
        ("vllm", {"peft_model_config": {"image_lora_load_kwargs": {"a": 1}}}, "image models"),
        ("vllm", {"quantization_config": {"load_in_4bit": True}}, "does not quantize"),
        ("transformers", {"quantization_config": {"a": 1}}, "a cannot be set"),
        ("transformers", {"quantization_config": "x"}, "it cannot be set"),
        ("sglang", {"enable_thinking": True}, "no option for it"),
        ("vllm", {"enable_thinking": "yes"}, "true or false"),
    ],
)
def test_what_an_engine_has_nothing_for_is_refused(engine: str, given: Any, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        translated(engine, given)
    assert refused.value.key in given
