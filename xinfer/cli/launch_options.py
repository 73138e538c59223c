"""The options of `xinfer launch`: what is launched, from where, on what, and how."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

_HUBS = ("path", "package", "huggingface", "modelscope")
_PAIR: dict[str, Any] = {"nargs": 2, "multiple": True}

Command = Callable[..., Any]


def _n_gpu(_context: click.Context, _option: click.Parameter, value: str) -> int | str | None:
    """A number, `auto`, or `none` for CPU only."""
    if value.lower() in ("auto", "none"):
        return "auto" if value.lower() == "auto" else None
    if value.isdigit() and int(value) > 0:
        return int(value)
    raise click.BadParameter(f"{value!r} is neither a number above 0, nor auto, nor none.")


def _source(_context: click.Context, _option: click.Parameter, value: str | None) -> Any:
    if value is None:
        return None
    hub, separator, reference = value.partition(":")
    if not separator or not reference or hub not in _HUBS:
        raise click.BadParameter(f"{value!r} is not one of {', '.join(f'{h}:…' for h in _HUBS)}.")
    return {hub: reference}


def _gpu_indices(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> list[int] | None:
    if value is None:
        return None
    try:
        return [int(index) for index in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list such as 0,1.") from None


def _json(value: str | None, kind: type, called: str) -> Any:
    if value is None:
        return None
    try:
        found = json.loads(value)
    except ValueError as error:
        raise click.BadParameter(f"it is not JSON: {error}.") from None
    if not isinstance(found, kind):
        raise click.BadParameter(f"it is not a JSON {called}.")
    return found


def _json_list(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> list[Any] | None:
    found: list[Any] | None = _json(value, list, "list")
    return found


def _json_object(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> dict[str, Any] | None:
    found: dict[str, Any] | None = _json(value, dict, "object")
    return found


_SOURCE = (
    click.option(
        "--source",
        metavar="HUB:REF",
        callback=_source,
        help="Its files: package:NAME, path:PATH, huggingface:ORG/REPO or modelscope:ORG/REPO.",
    ),
    click.option(
        "--files",
        multiple=True,
        metavar="GLOB",
        help="Which files of the source, such as '*Q4_K_M.gguf'; repeatable.",
    ),
    click.option("--revision", metavar="NAME", help="Branch, tag or commit of the source."),
)

_VARIANT = (
    click.option(
        *("-t", "--model-type"),
        type=click.Choice(["LLM", "embedding", "rerank"], case_sensitive=False),
        default="LLM",
        show_default=True,
        metavar="[LLM|embedding|rerank]",
        help="What it is for.",
    ),
    click.option(
        *("-s", "--size-in-billions", "--model-size-in-billions", "size"),
        metavar="SIZE",
        help="Size of the family, such as 0.5 or 0_5.",
    ),
    click.option("-f", "--model-format", metavar="FORMAT", help="File format of the family."),
    click.option("-q", "--quantization", metavar="NAME", help="Quantization, such as Q4_K_M."),
)

_MODEL = (
    click.option("-n", "--model-name", metavar="NAME", help="Family in the catalog, or any name."),
    click.option(
        "-en", "--model-engine", metavar="ENGINE", help="What runs it: llama.cpp, echo, …"
    ),
    click.option(
        "-u",
        "--model-uid",
        metavar="UID",
        help="Name to serve it under.  [default: NAME, or NAME-xxxxxxxx where that is taken]",
    ),
    *_VARIANT,
    *_SOURCE,
    click.option("-mp", "--model-path", metavar="PATH", help="Its files on the server's disk."),
)

_PLACE = (
    click.option(
        *("-r", "--replica"),
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Engine processes that share its requests.",
    ),
    click.option(
        "--n-gpu",
        callback=_n_gpu,
        default="auto",
        show_default=True,
        metavar="N|auto|none",
        help="Accelerators per replica; none runs it on the CPU.",
    ),
    click.option("--gpu-idx", metavar="0,1", callback=_gpu_indices, help="Which accelerators."),
    click.option("--worker-ip", metavar="NODE", help="Node to run on."),
    click.option(
        "--n-worker",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Nodes that one replica spreads over.",
    ),
    click.option(
        "--replica-config", metavar="JSON", callback=_json_list, help="Each replica's own place."
    ),
    click.option("--memory", metavar="SIZE", help="Memory of one replica, such as 2GiB."),
)

_ENGINE = (
    click.option(
        "--context-length", type=click.IntRange(1), metavar="N", help="Tokens of context."
    ),
    click.option(
        "--engine-kwargs",
        metavar="JSON",
        callback=_json_object,
        help="Options of the engine that are called like one of these.",
    ),
    click.option(
        "--extra-args",
        metavar="JSON",
        callback=_json_list,
        help="A list of words for the engine's command line, as they are.",
    ),
    click.option(
        *("-lm", "--lora-modules"),
        **_PAIR,
        metavar="NAME PATH",
        help="LoRA adapter on the worker's disk; repeatable.",
    ),
    click.option(
        *("-ld", "--image-lora-load-kwargs"),
        **_PAIR,
        metavar="KEY VALUE",
        help="How an image model loads its adapters; repeatable.",
    ),
    click.option(
        *("-fd", "--image-lora-fuse-kwargs"),
        **_PAIR,
        metavar="KEY VALUE",
        help="How an image model joins its adapters; repeatable.",
    ),
    click.option(
        *("-qc", "--quantization-config"),
        **_PAIR,
        metavar="KEY VALUE",
        help="Quantize while loading, such as load_in_4bit true; repeatable.",
    ),
    click.option(
        "--trust-remote-code",
        type=bool,
        help="Whether Python files that come with the model are run.  [default: False]",
    ),
    click.option(
        "--enable-thinking/--disable-thinking",
        default=None,
        help="Whether a model that can think does.  [default: as it is made]",
    ),
    click.option(
        *("-ev", "--env", "envs"),
        **_PAIR,
        metavar="KEY VALUE",
        help="Environment variable of the engine; repeatable.",
    ),
    click.option(
        "--enable-virtual-env/--disable-virtual-env",
        default=None,
        help="Whether the model gets an environment of its own.",
    ),
    click.option(
        *("-vp", "--virtual-env-package", "virtual_env_packages"),
        multiple=True,
        metavar="NAME",
        help="Package for that environment; repeatable.",
    ),
    click.option(
        *("--virtual-env-find-link", "virtual_env_find_links"),
        multiple=True,
        metavar="PATH",
        help="Folder of packages for that environment; repeatable.",
    ),
)


def launch_options(command: Command) -> Command:
    """Add them all, in the order in which the help shows them."""
    return _with(command, (*_MODEL, *_PLACE, *_ENGINE))


def variant_options(command: Command) -> Command:
    """Add those that tell the variants of a family apart."""
    return _with(command, _VARIANT)


def source_options(command: Command) -> Command:
    """Add those that say where the files are; `source_of` puts them together."""
    return _with(command, _SOURCE)


def source_of(asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """The source that the options name. Raises UsageError for a part of none."""
    parts = {"files": list(asked["files"]), "revision": asked["revision"]}
    given = {name: value for name, value in parts.items() if value}
    if given and not asked["source"]:
        raise click.UsageError(f"--{next(iter(given))} is of a --source, and none is given.")
    return {**asked["source"], **given} if asked["source"] else None


def _with(command: Command, options: Sequence[Command]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
