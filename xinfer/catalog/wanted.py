"""Which files of a hub's repository are worth fetching."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from xinfer.catalog.pattern import matches
from xinfer.catalog.select import named, only_model
from xinfer.errors import NotFound

_WEIGHTS = re.compile(
    r"\.(safetensors|bin|pth|pt|ckpt|gguf|ggml|onnx|onnx_data|h5|msgpack|tflite|ot|mlmodel|npz"
    r"|pdparams|engine|zip)\Z"
)
_PAPERS = re.compile(r"\.(md|png|jpe?g|gif|svg|webp|mp4|webm|pdf|ipynb)\Z", re.IGNORECASE)
_ELSEWHERE = frozenset(("original", "onnx", "openvino", "coreml", "metal", "runs", "logs", "tf"))
"""Folders with the same model for other programs, or with the traces of its training."""

_PART = re.compile(r"-(?P<number>\d+)-of-(?P<last>\d+)\.")


def wanted(names: Iterable[str], patterns: Iterable[str], place: str) -> tuple[str, ...]:
    """The names to fetch, sorted: those that match a pattern.

    Without patterns the safetensors and what belongs to them, or the one GGUF model, or the
    PyTorch files. Raises NotFound when nothing matches or there are no weights, Invalid when there
    are several GGUF models to choose from. `place` names the source in messages.
    """
    there, chosen = list(names), tuple(patterns)
    if chosen:
        return named(there, chosen, place)
    ours = [name for name in there if not _is_elsewhere(name)]
    for suffix in (".safetensors", ".gguf", ".bin"):
        weights = [name for name in ours if name.endswith(suffix)]
        if weights and suffix == ".gguf":
            return only_model(weights, place)
        if weights:
            return tuple(sorted((*_beside(ours), *_needed(weights, ours))))
    raise NotFound(
        f"{place} has no weights in a format that is known here.",
        "Known are safetensors, GGUF and PyTorch's .bin; name other files with files: [...].",
    )


def whole(names: Iterable[str], patterns: Iterable[str]) -> bool:
    """Whether these names are all that `wanted` would choose, as far as they tell themselves:
    the repository's own list is not at hand.

    Raises Invalid as `wanted` does.
    """
    there, asked = list(names), tuple(patterns)
    if any(not any(matches(name, pattern) for name in there) for pattern in asked):
        return False
    try:
        chosen = wanted(there, asked, "the cache")
    except NotFound:
        return False
    if not _has_all_parts(chosen):
        return False
    alone = bool(asked) or any(name.endswith(".gguf") for name in chosen)
    return alone or "config.json" in there


def _has_all_parts(names: Iterable[str]) -> bool:
    """Whether no part of a model in parts (name-00001-of-00003.safetensors) is missing."""
    there = set(names)
    for name in there:
        part = _PART.search(name)
        if part is not None:
            width, last = len(part["number"]), int(part["last"])
            numbers = (f"{number:0{width}}" for number in range(1, last + 1))
            start, end = name[: part.start("number")], name[part.end("number") :]
            if any(f"{start}{number}{end}" not in there for number in numbers):
                return False
    return True


def _beside(names: Iterable[str]) -> list[str]:
    """Configurations, tokenizers, templates and code."""
    return [
        name
        for name in names
        if not _WEIGHTS.search(name)
        and not _PAPERS.search(name)
        and not PurePosixPath(name).name.startswith(".")
    ]


def _needed(weights: list[str], names: Iterable[str]) -> list[str]:
    """The weights less a second copy of the same model, and those of parts that have no others."""
    folders = {str(PurePosixPath(name).parent) for name in weights}
    if not weights[0].endswith(".safetensors"):
        return [name for name in weights if _is_model(name)] or weights
    named_model = [name for name in weights if PurePosixPath(name).name.startswith("model")]
    kept = [
        name
        for name in weights
        if not PurePosixPath(name).name.startswith("consolidated") or not named_model
    ]
    modules = [
        name
        for name in names
        if PurePosixPath(name).name == "pytorch_model.bin"
        and str(PurePosixPath(name).parent) not in folders
    ]
    return kept + modules


def _is_model(name: str) -> bool:
    """Not the state of an optimizer or a trainer."""
    return PurePosixPath(name).name.startswith(("pytorch_model", "model"))


def _is_elsewhere(name: str) -> bool:
    folders = PurePosixPath(name).parts[:-1]
    return any(
        folder in _ELSEWHERE or folder.startswith(("checkpoint-", ".")) for folder in folders
    )
