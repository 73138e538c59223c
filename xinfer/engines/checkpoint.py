"""Where a model in the layout of Hugging Face lies, and the files that its options name."""

from __future__ import annotations

from pathlib import Path

from xinfer.domain.engine import Files
from xinfer.domain.model import ModelSpec
from xinfer.errors import Invalid

_DESCRIPTIONS = ("config.json", "params.json")


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
