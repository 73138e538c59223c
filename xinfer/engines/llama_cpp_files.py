"""Which files a llama.cpp replica is made of: the model, and those that its options name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xinfer.domain.engine import Files
from xinfer.domain.model import JsonValue, ModelSpec
from xinfer.engines.gguf import parts
from xinfer.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """`model` is the file to open. `options` are those that name files, as whole paths.

    `size_bytes` counts all parts of the model, its projector, draft model and adapters.
    """

    model: Path
    size_bytes: int
    options: Mapping[str, JsonValue]


def find(spec: ModelSpec, files: Files) -> Weights:
    """Raises Invalid, naming the key, when a file is missing or none is a model."""
    model = parts(_model(spec, files))
    options: dict[str, JsonValue] = {}
    loaded = [*model]
    projector = _projector(spec, files)
    if projector is not None:
        options["mmproj"] = str(projector)
        loaded.append(projector)
    if spec.options.get("draft_model"):
        draft = _file(spec, files, "draft_model", spec.options["draft_model"])
        options["draft_model"] = str(draft)
        loaded.append(draft)
    if spec.options.get("lora"):
        adapters = [_adapter(spec, files, text) for text in spec.options["lora"]]
        options["lora"] = [f"{path}{scale}" for path, scale in adapters]
        loaded += [path for path, _ in adapters]
    if spec.options.get("chat_template"):
        options["chat_template"] = _template(spec, files, spec.options["chat_template"])
    size_bytes = sum(path.stat().st_size for path in loaded)
    return Weights(model=model[0], size_bytes=size_bytes, options=options)


def _model(spec: ModelSpec, files: Files) -> Path:
    """The first GGUF that is no projector; a lone file may have any name, as Ollama's blobs do."""
    models = [path for path in files.paths if not _projects(path)]
    for path in models:
        if path.suffix == ".gguf" or len(models) == 1:
            return path
    raise Invalid(
        f"models.{spec.uid}: {files.root} has no GGUF file for llama.cpp.",
        "Choose a GGUF model, or another engine.",
        key=f"models.{spec.uid}.source",
    )


def _projects(path: Path) -> bool:
    return path.name.lower().startswith("mmproj")


def _projector(spec: ModelSpec, files: Files) -> Path | None:
    """The one that is named; else that of the source; else, if asked for, the one beside it."""
    given = spec.options.get("mmproj")
    if given is not None and given != "auto":
        return _file(spec, files, "mmproj", given)
    found = [path for path in files.paths if _projects(path)]
    if not found and given == "auto":
        found = sorted(path for path in files.root.glob("*.gguf") if _projects(path))
        if not found:
            raise _missing(spec, "mmproj", f"{files.root} has no mmproj*.gguf")
    return found[0] if found else None


def _adapter(spec: ModelSpec, files: Files, text: str) -> tuple[Path, str]:
    """The file and its scale as ":0.5", or as nothing."""
    path, colon, scale = text.rpartition(":")
    try:
        float(scale)
    except ValueError:
        colon = ""
    if not colon:
        return _file(spec, files, "lora", text), ""
    return _file(spec, files, "lora", path), f":{scale}"


def _template(spec: ModelSpec, files: Files, given: str) -> str:
    """Jinja text as it is, the text of a file, or, without Jinja, a name that llama.cpp knows."""
    if "{" in given or "\n" in given:
        return given
    path = files.root / Path(given).expanduser()
    if path.is_file():
        return path.read_text(encoding="utf-8")
    if spec.options.get("jinja") is False:
        return given
    raise _missing(spec, "chat_template", f"there is no file {path}")


def _file(spec: ModelSpec, files: Files, option: str, given: str) -> Path:
    path = files.root / Path(given).expanduser()
    if not path.is_file():
        raise _missing(spec, option, f"there is no file {path}")
    return path


def _missing(spec: ModelSpec, option: str, what: str) -> Invalid:
    key = f"models.{spec.uid}.engine_kwargs.{option}"
    return Invalid(
        f"{key}: {what}.",
        "Relative paths count from the folder of the model's files, on the worker's machine.",
        key=key,
    )
