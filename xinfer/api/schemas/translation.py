"""Launch keys of the peer that are an option of the engine, each engine having its own name for it.

Pure: from the body's values to options, before the engine checks them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from xinfer.errors import Invalid

_ADAPTERS = {
    "vllm": "lora_modules",
    "sglang": "lora_paths",
    "llama.cpp": "lora",
    "mlx": "adapter_path",
}
_NAMED = ("vllm", "sglang")
"""Engines that serve each adapter under a name; the others always run with theirs."""

_TEMPLATES = ("llama.cpp", "transformers", "vllm", "mlx")
_WITHOUT_MODEL_CODE = ("llama.cpp", "echo", "command")


class Adapter(msgspec.Struct, kw_only=True):
    """One LoRA adapter; `local_path` is on the worker's machine."""

    lora_name: str
    local_path: str


class Adapters(msgspec.Struct, kw_only=True):
    """The value of `peft_model_config`."""

    lora_list: list[Adapter] = []
    image_lora_load_kwargs: dict[str, Any] | None = None
    image_lora_fuse_kwargs: dict[str, Any] | None = None


def translated(engine: str, loose: Mapping[str, Any]) -> dict[str, Any]:
    """`loose` with the peer's keys replaced by options of `engine`.

    Raises Invalid naming the key for what that engine has nothing for, and for an option that the
    body also gives by its own name.
    """
    options = {name: value for name, value in loose.items() if name not in _KEYS}
    for key, translate in _KEYS.items():
        made = {} if loose.get(key) is None else translate(engine.lower(), loose[key])
        for name, value in made.items():
            if options.get(name) is not None:
                raise Invalid(f"{key}: this and '{name}' say the same twice.", key=key)
            options[name] = value
    return options


def _adapters(engine: str, value: Any) -> dict[str, Any]:
    key = "peft_model_config"
    try:
        given = msgspec.convert(value, Adapters)
    except msgspec.ValidationError as error:
        raise Invalid(f"{key}: it cannot be read: {error}.", key=key) from error
    if given.image_lora_load_kwargs or given.image_lora_fuse_kwargs:
        raise Invalid(f"{key}: adapters of image models are not supported.", key=key)
    if not given.lora_list:
        return {}
    option = _ADAPTERS.get(engine)
    if option is None:
        able = ", ".join(_ADAPTERS)
        hint = f"Those that do: {able}."
        raise Invalid(f"{key}: engine '{engine}' has no option for adapters.", hint, key=key)
    paths = [each.local_path for each in given.lora_list]
    if engine in _NAMED:
        return {option: [f"{each.lora_name}={each.local_path}" for each in given.lora_list]}
    if engine == "mlx":
        if len(paths) > 1:
            raise Invalid(f"{key}: engine 'mlx' runs with one adapter.", key=key)
        return {option: paths[0]}
    return {option: paths}


def _thinking(engine: str, value: Any) -> dict[str, Any]:
    key = "enable_thinking"
    if not isinstance(value, bool):
        raise Invalid(f"{key}: expected true or false, got {value!r}.", key=key)
    if engine in _TEMPLATES:
        return {"chat_template_kwargs": {key: value}}
    hint = "Requests can say it: chat_template_kwargs: {enable_thinking: false}."
    raise Invalid(f"{key}: engine '{engine}' has no option for it.", hint, key=key)


def _bitsandbytes(engine: str, value: Any) -> dict[str, Any]:
    key = "quantization_config"
    asked = {name for name, on in value.items() if on} if isinstance(value, dict) else {"it"}
    if engine != "transformers":
        hint = "Choose a model that is quantized already, by model_format and quantization."
        raise Invalid(f"{key}: engine '{engine}' does not quantize while loading.", hint, key=key)
    if not asked:
        return {}
    if asked not in ({"load_in_4bit"}, {"load_in_8bit"}):
        hint = "Give load_in_4bit: true, or load_in_8bit: true."
        raise Invalid(f"{key}: {', '.join(sorted(asked))} cannot be set.", hint, key=key)
    return {"quantization": "bnb-4bit" if asked == {"load_in_4bit"} else "bnb-8bit"}


def _model_code(engine: str, value: Any) -> dict[str, Any]:
    """Asking an engine that never runs code of a model to trust it changes nothing."""
    return {} if engine in _WITHOUT_MODEL_CODE else {"trust_remote_code": value}


_KEYS: Mapping[str, Callable[[str, Any], dict[str, Any]]] = {
    "peft_model_config": _adapters,
    "enable_thinking": _thinking,
    "trust_remote_code": _model_code,
    "quantization_config": _bitsandbytes,
}
