"""The command line of the server that comes with llama-cpp-python, one request at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping

from xinfer.domain.model import JsonValue

_SAME = (
    *("n_ctx", "n_threads", "n_threads_batch", "n_batch", "n_ubatch", "n_gpu_layers", "main_gpu"),
    *("rope_freq_base", "rope_freq_scale", "yarn_orig_ctx", "seed", "use_mmap", "use_mlock"),
)
"""Options whose flag has the same name and value."""

_CACHE_TYPES = {
    "f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8, "iq4_nl": 20,
    "bf16": 30,
}  # fmt: skip
_NUMBERED: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "cache_type_k": ("type_k", _CACHE_TYPES),
    "cache_type_v": ("type_v", _CACHE_TYPES),
    "split_mode": ("split_mode", {"none": 0, "layer": 1, "row": 2}),
    "rope_scaling": ("rope_scaling_type", {"none": 0, "linear": 1, "yarn": 2, "longrope": 3}),
}
"""Options whose words are numbers there: the flag, and the number of each word."""

_OTHER = ("flash_attn", "no_kv_offload", "tensor_split", "lora", "chat_template_kwargs")


def refusal(options: Mapping[str, JsonValue]) -> str:
    """The first of the options that this server cannot follow; empty when it can follow all."""
    for name, value in options.items():
        numbered = _NUMBERED.get(name)
        if name in _SAME or name == "binding" or (name in _OTHER and name != "lora"):
            continue
        if numbered is not None and value in numbered[1]:
            continue
        if (name == "n_parallel" and value == 1) or (name == "jinja" and value is True):
            continue
        if name == "lora" and len(value) == 1 and ":" not in value[0]:
            continue
        return name
    return ""


def flags(options: Mapping[str, JsonValue]) -> list[str]:
    """The options as words of its command line; those of `refusal` are left out.

    A request must not be broken off because another one came, which is what it does by itself.
    Nor are the scores of all tokens kept, half a gigabyte for a small model.
    """
    words = ["--interrupt_requests", "false", "--logits_all", "false"]
    for name, value in {"use_mlock": False, **options}.items():
        words += _flag(name, value)
    return words


def _flag(name: str, value: JsonValue) -> list[str]:
    if name in _SAME:
        return [f"--{name}", _word(value)]
    if name in _NUMBERED:
        flag, numbers = _NUMBERED[name]
        return [f"--{flag}", str(numbers[value])]
    if name == "flash_attn":
        return [] if value == "auto" else ["--flash_attn", _word(value == "on")]
    if name == "no_kv_offload":
        return ["--offload_kqv", _word(not value)]
    if name == "tensor_split":
        return ["--tensor_split", *map(str, value)]
    if name == "lora":
        return ["--lora_path", value[0]]
    if name == "chat_template_kwargs":
        return ["--chat_template_kwargs", json.dumps(value)]
    return []


def _word(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
