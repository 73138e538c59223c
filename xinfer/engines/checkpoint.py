"""Where a model in the layout of Hugging Face lies, and the files that its options name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xinfer.domain.engine import Files
from xinfer.domain.model import Footprint, ModelKind, ModelSpec
from xinfer.engines.gguf import read_shape
from xinfer.errors import Invalid

_DESCRIPTIONS = ("config.json", "params.json")
_WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.pth")
_CACHED_BYTES = 2


def find(spec: ModelSpec, files: Files) -> Path:
    """The folder with the model's description, or else its only GGUF file.

    Raises Invalid when there is neither, or a GGUF model in several parts.
    """
    described = [path.parent for path in files.paths if path.name in _DESCRIPTIONS]
    if described:
        return min(described, key=lambda folder: len(folder.parts))
    if any((files.root / name).is_file() for name in _DESCRIPTIONS):
        return files.root
    models = [path for path in files.paths if path.suffix == ".gguf"]
    if len(models) == 1:
        return models[0]
    what = f"has {len(models)} GGUF files" if models else "has no config.json"
    raise Invalid(
        f"models.{spec.uid}: {files.root} {what}.",
        "Choose a folder with config.json and weights, or one GGUF file by source.files.",
        key=f"models.{spec.uid}.source",
    )


def weigh(spec: ModelSpec, files: Files) -> Footprint:
    """What a model needs, by the sizes of its files and its description.

    Raises Invalid when there is no model, or its description cannot be read.
    """
    model = find(spec, files)
    if model.is_file():
        shape = read_shape(model)
        token_bytes = (shape.keys + shape.values) * _CACHED_BYTES
        return Footprint(weights_bytes=model.stat().st_size, token_bytes=token_bytes)
    return weigh_folder(spec, model)


def weigh_folder(spec: ModelSpec, folder: Path) -> Footprint:
    """The same for the folder of a model. Raises Invalid when its description cannot be read."""
    described = [folder / name for name in _DESCRIPTIONS if (folder / name).is_file()]
    try:
        config = json.loads(described[0].read_text(encoding="utf-8")) if described else {}
        # Of a model that sees or hears, the part that reads and writes.
        text = {**config, **(config.get("text_config") or {})}
        # What reads whole texts keeps nothing of them.
        token_bytes = _cached(text) if spec.kind is ModelKind.LLM else 0
        is_wide = str(text.get("dtype") or text.get("torch_dtype")) == "float32"
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise Invalid(
            f"models.{spec.uid}: {described[0]} does not describe a model: {error}.",
            "Is it complete? Fetch it again.",
            key=f"models.{spec.uid}.source",
        ) from error
    return Footprint(
        weights_bytes=_weights(folder),
        token_bytes=token_bytes,
        stored_wide=is_wide,
    )


def _weights(folder: Path) -> int:
    """Bytes of the weights; the same ones are often there in several forms."""
    for pattern in _WEIGHTS:
        there = list(folder.glob(pattern)) or list(folder.rglob(pattern))
        whole = [path for path in there if not path.name.startswith("consolidated")]
        if there:
            return sum(path.stat().st_size for path in whole or there)
    return 0


def _cached(text: Mapping[str, Any]) -> int:
    """Bytes of keys and values that are kept of a token; 0 where the description does not tell, or
    tells it layer by layer.
    """
    names = ("num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim")
    known = {name: text[name] for name in (*names, "hidden_size") if text.get(name)}
    if not all(isinstance(value, int) for value in known.values()) or not known.keys() >= {
        "num_hidden_layers",
        "num_attention_heads",
    }:
        return 0
    heads = known["num_attention_heads"]
    width = known.get("head_dim") or known.get("hidden_size", 0) // heads
    each = known.get("num_key_value_heads", heads) * width
    return int(2 * known["num_hidden_layers"] * each * _CACHED_BYTES)


def beside(spec: ModelSpec, files: Files, option: str, given: str) -> Path:
    """The file or folder that an option names; relative paths count from the files' root.

    Raises Invalid, naming the key, when it is not there.
    """
    path = files.root / Path(given).expanduser()
    if path.exists():
        return path
    key = f"models.{spec.uid}.engine_kwargs.{option}"
    raise Invalid(
        f"{key}: there is no {path}.",
        "Relative paths count from the folder of the model's files, on the worker's machine.",
        key=key,
    )


def adapters(spec: ModelSpec, files: Files, option: str) -> list[str]:
    """The LoRA adapters of an option, each as `name=path` with its whole path.

    One without a name gets that of its folder. What is JSON stays as it is. Raises Invalid, naming
    the key, when a path is not there.
    """
    made = []
    for text in spec.options[option]:
        if text.lstrip().startswith("{"):
            made.append(text)
            continue
        name, named, rest = text.partition("=")
        path = beside(spec, files, option, rest if named else text)
        made.append(f"{name if named else path.name}={path}")
    return made
