"""From the options of `xinfer launch` to the arguments of the client's `launch_model`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from xinfer.cli.engine_options import coerce
from xinfer.cli.launch_options import source_of

_PAIRS = ("lora_modules", "image_lora_load_kwargs", "image_lora_fuse_kwargs")
_OURS = (
    *("source", "memory", "context_length", "trust_remote_code"),
    *("engine_kwargs", "extra_args"),
)
_LISTS = ("virtual_env_packages", "virtual_env_find_links")
_PARTS = ("size", "envs", "quantization_config", "files", "revision")


def launch_request(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments; what was not given is not among them. The name falls back to uid, then source.

    Raises UsageError when nothing says what to launch.
    """
    plain = {
        name: value
        for name, value in asked.items()
        if name not in (*_PAIRS, *_OURS, *_LISTS, *_PARTS)
    }
    further = {
        **{name: asked[name] for name in _OURS},
        "source": source_of(asked),
        **{name: list(asked[name]) for name in _LISTS},
        "envs": dict(asked["envs"]),
        "quantization_config": _coerced(asked["quantization_config"]),
        "peft_model_config": _adapters(asked),
    }
    given = {name: value for name, value in further.items() if value not in (None, {}, [])}
    named = {"model_name": _name(asked), "model_size_in_billions": asked["size"]}
    return plain | named | given


def _name(asked: Mapping[str, Any]) -> str:
    source = asked["source"]
    reference = next(iter(source.values())) if source else asked["model_path"]
    last = reference.rstrip("/").rsplit("/", 1)[-1] if reference else None
    name = asked["model_name"] or asked["model_uid"] or last
    if name is None:
        raise click.UsageError("Say what to launch: --model-name NAME or --source HUB:REF.")
    return str(name)


def _adapters(asked: Mapping[str, Any]) -> dict[str, Any]:
    modules, load, fuse = (asked[name] for name in _PAIRS)
    if not (modules or load or fuse):
        return {}
    return {
        "lora_list": [{"lora_name": name, "local_path": path} for name, path in modules],
        "image_lora_load_kwargs": _coerced(load),
        "image_lora_fuse_kwargs": _coerced(fuse),
    }


def _coerced(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    return {name: coerce(value) for name, value in pairs}
