"""Calls about models that could run, and files that are kept. Run them with `client.run`."""

from __future__ import annotations

from collections.abc import Mapping

from xinfer.client.call import Call, Json, given, nothing, path, query, same


def list_registrations(model_type: str, *, detailed: bool = False) -> Call[list[dict[str, Json]]]:
    """The families of a type, sorted; `detailed` has every spec of each."""
    return Call(
        what="list the families",
        method="GET",
        path=path("v1", "model_registrations", model_type),
        query=query(detailed=detailed or None),
        decode=same,
    )


def list_summaries(model_type: str) -> Call[list[dict[str, Json]]]:
    """The families of a type with what tells them apart, without their specs."""
    return Call(
        what="list the families",
        method="GET",
        path=path("v1", "model_registrations", model_type),
        query=query(summary=True),
        decode=same,
    )


def register(
    model_type: str, model: str | Mapping[str, Json], *, persist: bool = True
) -> Call[None]:
    """Register a family: text in JSON or YAML, or the object. Raises ClientError 400."""
    return Call(
        what="register the family",
        method="POST",
        path=path("v1", "model_registrations", model_type),
        body={"model": model, "persist": persist},
        decode=nothing,
    )


def unregister(model_type: str, model_name: str) -> Call[None]:
    """Forget a registered family."""
    return Call(
        what="unregister the family",
        method="DELETE",
        path=path("v1", "model_registrations", model_type, model_name),
        decode=nothing,
    )


def query_engines(model_name: str, model_type: str = "LLM") -> Call[dict[str, Json] | None]:
    """By engine a list of what it can run here, or a text that says why not; None if unknown."""
    return Call(
        what="ask for engines",
        method="GET",
        path=path("v1", "engines", model_type, model_name),
        decode=same,
    )


def vllm_models() -> Call[dict[str, list[str]]]:
    """Architectures that vLLM runs, by `chat` and `generate`."""
    return Call(
        what="list the architectures",
        method="GET",
        path="/v1/models/vllm-supported",
        decode=same,
    )


def list_cached(
    model_name: str | None = None, worker_ip: str | None = None
) -> Call[list[dict[str, Json]]]:
    """Model files that nodes keep; sizes in bytes."""
    return Call(
        what="list the cached models",
        method="GET",
        path="/v1/cache/models",
        query=query(**given(model_name=model_name, worker_ip=worker_ip)),
        decode=lambda document: document["list"],
    )


def list_cached_files(model_version: str, worker_ip: str | None = None) -> Call[dict[str, Json]]:
    """The paths of one version. Raises ClientError 404 when no node keeps it."""
    return Call(
        what="list the files",
        method="GET",
        path="/v1/cache/models/files",
        query=query(**given(model_version=model_version, worker_ip=worker_ip)),
        decode=same,
    )


def remove_cached(model_version: str, worker_ip: str | None = None) -> Call[bool]:
    """Delete them; False when nothing was there. Raises ClientError 409 while they are in use."""
    return Call(
        what="remove the files",
        method="DELETE",
        path="/v1/cache/models",
        query=query(**given(model_version=model_version, worker_ip=worker_ip)),
        decode=lambda document: bool(document["result"]),
    )
