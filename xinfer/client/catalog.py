"""Calls about models that could run, and files that are kept. Run them with `client.run`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from xinfer.client.call import Call, Json, given, nothing, path, query, same

if TYPE_CHECKING:
    from xinfer.client.results.catalog import (
        EngineDescription,
        EngineOffer,
        Family,
        FamilySummary,
        MemoryEstimate,
        ModelVersion,
        PromptStyle,
        RegisteredVersion,
    )
    from xinfer.client.results.files import CachedFiles, CachedModel


def list_model_registrations(model_type: str, detailed: bool = False) -> Call[list[Family]]:
    """The families of a type, sorted: names, or with `detailed` all that is known, specs too.

    Types are LLM, embedding, rerank, image, audio and video; ClientError 400 for another.
    """
    return Call(
        what="list the families",
        method="GET",
        path=path("v1", "model_registrations", model_type),
        query=query(detailed=detailed or None),
        decode=same,
    )


def list_summaries(model_type: str) -> Call[list[FamilySummary]]:
    """The families of a type with what tells them apart, without their specs.

    Raises ClientError 400 for an unknown type.
    """
    return Call(
        what="list the families",
        method="GET",
        path=path("v1", "model_registrations", model_type),
        query=query(summary=True),
        decode=same,
    )


def register_model(
    model_type: str, model: str | Mapping[str, Json], persist: bool, worker_ip: str | None = None
) -> Call[None]:
    """Register a family: text in JSON or YAML, or the object.

    It is the whole cluster's, and kept: `persist` and `worker_ip` change nothing. Raises
    ClientError 400 with the key at fault, also when the name is taken.
    """
    return Call(
        what="register the family",
        method="POST",
        path=path("v1", "model_registrations", model_type),
        body={"model": model, "persist": persist, "worker_ip": worker_ip},
        decode=nothing,
    )


def unregister_model(model_type: str, model_name: str) -> Call[None]:
    """Forget a registered family; nothing happens for a name that there is not.

    Raises ClientError 400 for a family that ships with xinfer.
    """
    return Call(
        what="unregister the family",
        method="DELETE",
        path=path("v1", "model_registrations", model_type, model_name),
        decode=nothing,
    )


def get_model_registration(model_type: str, model_name: str) -> Call[Family]:
    """A family with its specs. Raises ClientError 400 when it is not known."""
    return Call(
        what="get the family",
        method="GET",
        path=path("v1", "model_registrations", model_type, model_name),
        decode=same,
    )


def list_registered_versions(model_type: str, model_name: str) -> Call[list[RegisteredVersion]]:
    """Every version of a custom family, oldest first. Raises ClientError 404 when there is none."""
    return Call(
        what="list what was registered",
        method="GET",
        path=path("v1", "model_registrations", model_type, model_name, "history"),
        decode=same,
    )


def get_model_versions(model_type: str, model_name: str) -> Call[list[ModelVersion]]:
    """What a family can be launched as: `model_version`, format, size, quantization, and where its
    files are. Raises ClientError 400 when it is not known.
    """
    return Call(
        what="list the versions",
        method="GET",
        path=path("v1", "models", model_type, model_name, "versions"),
        decode=same,
    )


def launch_model_version(
    model_uid: str, model_version: str, model_engine: str, model_type: str = "LLM", **kwargs: Json
) -> Call[str]:
    """Launch one of `get_model_versions` and return its uid; `kwargs` as of `launch_model`.

    Raises what that raises, and ClientError 400 for a version that there is not.
    """
    wanted = {"model_uid": model_uid, "model_version": model_version}
    wanted |= {"model_engine": model_engine, "model_type": model_type}
    return Call(
        what="launch the version",
        method="POST",
        path="/v1/models/instance",
        body=kwargs | wanted,
        decode=lambda document: str(document["model_uid"]),
        silence_s=None,
    )


def query_engine_by_model_name(
    model_name: str, model_type: str | None = "LLM", enable_virtual_env: bool | None = None
) -> Call[dict[str, list[EngineOffer] | str] | None]:
    """By engine a list of what it can run here, or a text that says why not; None if unknown.

    Memory is in bytes. Environments are made when they are needed: `enable_virtual_env` changes
    nothing. Raises ClientError 400 for an unknown type.
    """
    return Call(
        what="ask for engines",
        method="GET",
        path=path("v1", "engines", *([model_type] if model_type else []), model_name),
        query=query(enable_virtual_env=enable_virtual_env),
        decode=same,
    )


def list_engines() -> Call[list[EngineDescription]]:
    """The engines that there are: `name`, `types`, `formats`, `options`, what is `missing`."""
    return Call(what="list the engines", method="GET", path="/v1/engines", decode=same)


def list_families() -> Call[dict[str, list[str]]]:
    """Names of text models by what they can do: `chat`, `generate`, `tools`, ..."""
    return Call(what="list the families", method="GET", path="/v1/models/families", decode=same)


def list_prompts() -> Call[dict[str, PromptStyle]]:
    """By name of a text model its chat template and stop texts."""
    return Call(what="list the prompts", method="GET", path="/v1/models/prompts", decode=same)


def vllm_models() -> Call[dict[str, list[str]]]:
    """Architectures that vLLM runs, by `chat` and `generate`."""
    return Call(
        what="list the architectures",
        method="GET",
        path="/v1/models/vllm-supported",
        decode=same,
    )


def estimate_memory(
    model_size_in_billions: float | str,
    model_format: str,
    context_length: int,
    **more: Json,
) -> Call[MemoryEstimate]:
    """The memory in bytes that a text model is said to need, and which nodes have as much free.

    `more`: `model_name` (without it a network of that size is guessed), `quantization`,
    `kv_cache_dtype` (8, 16 or 32 bits). Raises ClientError 400 where there is no formula, 404 for
    an unknown family.
    """
    return Call(
        what="estimate the memory",
        method="POST",
        path="/v1/model_memory",
        body={
            "model_size_in_billions": model_size_in_billions,
            "model_format": model_format,
            "context_length": context_length,
            **more,
        },
        decode=same,
    )


def list_cached_models(
    model_name: str | None = None, worker_ip: str | None = None
) -> Call[list[CachedModel]]:
    """Model files that nodes keep, sorted by name; sizes in bytes.

    `worker_ip` is the name or the address of one node.
    """
    return Call(
        what="list the cached models",
        method="GET",
        path="/v1/cache/models",
        query=query(**given(model_name=model_name, worker_ip=worker_ip)),
        decode=lambda document: document["list"],
    )


def list_deletable_models(model_version: str, worker_ip: str | None = None) -> Call[CachedFiles]:
    """The paths of the files of one version of `list_cached_models`.

    Raises ClientError 404 when no node keeps it.
    """
    return Call(
        what="list the files",
        method="GET",
        path="/v1/cache/models/files",
        query=query(**given(model_version=model_version, worker_ip=worker_ip)),
        decode=same,
    )


def confirm_and_remove_model(model_version: str, worker_ip: str | None = None) -> Call[bool]:
    """Delete the files of a version; False when nothing was there any more.

    Raises ClientError 404 when no node keeps it, 409 while it is in use.
    """
    return Call(
        what="remove the files",
        method="DELETE",
        path="/v1/cache/models",
        query=query(**given(model_version=model_version, worker_ip=worker_ip)),
        decode=lambda document: bool(document["result"]),
    )
