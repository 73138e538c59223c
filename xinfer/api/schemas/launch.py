"""The body of `POST /v1/models`: the peer's keys and ours, as one spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import falcon
import msgspec

from xinfer.api.quirks import REFUSED_LAUNCH_KEYS, SIZE_KEYS
from xinfer.api.schemas import body
from xinfer.api.schemas.translation import translated
from xinfer.domain.model import Hub, Limits, ModelKind, ModelSpec, Placement, Source
from xinfer.domain.names import did_you_mean
from xinfer.errors import Invalid
from xinfer.services.checks import memory_bytes

_MAX_DIGITS = 10


class LaunchBody(msgspec.Struct, kw_only=True):
    """Known keys with their types; everything else goes to the engine as an option."""

    model_name: str | None = None
    model_engine: str | None = None
    model_uid: str | None = None
    model_type: str | None = None
    model_size_in_billions: int | str | float | None = None
    size_in_billions: int | str | float | None = None
    model_format: str | None = None
    quantization: str | None = None
    replica: int | str = 1
    n_gpu: int | str | None = "auto"
    gpu_idx: int | list[int] | None = None
    worker_ip: str | None = None
    request_limits: int | None = None
    download_hub: str | None = None
    model_path: str | None = None
    envs: dict[str, str] | None = None
    env: dict[str, str] | None = None
    source: dict[str, Any] | None = None
    memory: int | str | None = None
    engine_kwargs: dict[str, Any] | None = None
    extra_args: list[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What is asked for; `uid_is_given`: by the caller, not taken from the model's name. `hub` is
    where the files of its family are to come from.
    """

    spec: ModelSpec
    uid_is_given: bool
    hub: str | None = None


def read(req: falcon.Request) -> Launch:
    """Raises Invalid for a body that is no launch, with the key."""
    return of(body.read(req, dict[str, Any], "launch"))


def of(given: Mapping[str, Any], *, needs_engine: bool = True) -> Launch:
    """Like `read`, of what a body said. Without need of an engine it may be empty."""
    try:
        launch = msgspec.convert(given, LaunchBody)
    except msgspec.ValidationError as error:
        raise Invalid(f"The launch cannot be read: {error}.", key="body") from error
    if not launch.model_name:
        raise Invalid("The launch names no model.", "Give model_name.", key="model_name")
    if not launch.model_engine and needs_engine:
        raise Invalid(
            f"The launch of '{launch.model_name}' names no engine.",
            "Give model_engine, such as llama.cpp.",
            key="model_engine",
        )
    return Launch(
        spec=_spec(launch, given),
        uid_is_given=bool(launch.model_uid),
        hub=launch.download_hub.lower() if launch.download_hub else None,
    )


def _spec(launch: LaunchBody, given: Mapping[str, Any]) -> ModelSpec:
    uid, name = launch.model_uid or launch.model_name, launch.model_name
    sizes = (getattr(launch, key) for key in SIZE_KEYS)
    size = next((str(one).replace("_", ".") for one in sizes if one is not None), None)
    return ModelSpec(
        uid=str(uid),
        engine=launch.model_engine or "",
        kind=_kind(launch.model_type or ModelKind.LLM),
        source=_source(launch),
        family=name if name != uid else None,
        format=launch.model_format,
        size=size,
        quantization=launch.quantization,
        replicas=_replicas(launch.replica),
        options=_options(given, launch),
        extra_args=tuple(launch.extra_args or ()),
        env={**(launch.envs or {}), **(launch.env or {})},
        memory_bytes=memory_bytes(launch.memory),
        limits=_limits(launch.request_limits),
        placement=_placement(launch),
    )


def _kind(name: str) -> ModelKind:
    for kind in ModelKind:
        if kind.lower() == name.lower():
            return kind
    raise Invalid(
        f"model_type: there is no model type '{name}' to launch.",
        did_you_mean(name, ModelKind),
        key="model_type",
    )


def _source(launch: LaunchBody) -> Source | None:
    if launch.model_path and launch.source:
        raise Invalid("Give either model_path or source, not both.", key="model_path")
    if launch.model_path:
        return Source(hub=Hub.PATH, ref=launch.model_path)
    return _named_source(launch.source) if launch.source else None


def _named_source(given: Mapping[str, Any]) -> Source:
    hubs = [hub for hub in Hub if given.get(hub)]
    unknown = sorted(set(given) - {*Hub, "revision", "files"})
    if unknown:
        hint = did_you_mean(unknown[0], [*Hub, "revision", "files"])
        key = f"source.{unknown[0]}"
        raise Invalid(f"{key}: a source has no such key.", hint, key=key)
    if len(hubs) != 1:
        said = " and ".join(hubs) if hubs else "none"
        what = f"source: exactly one of {', '.join(Hub)} is needed, given: {said}."
        raise Invalid(what, key="source")
    files = given.get("files") or []
    try:
        return Source(
            hub=hubs[0],
            ref=msgspec.convert(given[hubs[0]], str),
            revision=msgspec.convert(given.get("revision"), str | None),
            files=msgspec.convert([files] if isinstance(files, str) else files, tuple[str, ...]),
        )
    except msgspec.ValidationError as error:
        raise Invalid(f"source: a value is of the wrong type: {error}.", key="source") from error


def _replicas(count: int | str) -> int:
    number = _whole(count) if isinstance(count, str) else count
    if not isinstance(number, int) or number < 1:
        raise Invalid(f"replica: {count!r} is not a number of at least 1.", key="replica")
    return number


def _whole(text: str) -> int | str:
    """The number that a text spells; itself if none, or none that counts anything here."""
    return int(text) if text.strip().isdecimal() and len(text) < _MAX_DIGITS else text


def _options(given: Mapping[str, Any], launch: LaunchBody) -> dict[str, Any]:
    loose = {
        name: value for name, value in given.items() if name not in LaunchBody.__struct_fields__
    }
    for name, (neutral, hint) in REFUSED_LAUNCH_KEYS.items():
        if loose.pop(name, None) not in neutral:
            raise Invalid(f"{name}: this is not supported.", hint, key=name)
    options = translated(launch.model_engine or "", {**(launch.engine_kwargs or {}), **loose})
    return {name: value for name, value in options.items() if value is not None}


def _limits(requests: int | None) -> Limits:
    if requests is not None and requests < 1:
        raise Invalid(f"request_limits: {requests} is not at least 1.", key="request_limits")
    return Limits(max_in_flight=requests)


def _placement(launch: LaunchBody) -> Placement:
    indices, count = launch.gpu_idx, launch.n_gpu
    if isinstance(count, str):
        count = _whole(count)
    is_wrong = count != "auto" if isinstance(count, str) else count is not None and count < 1
    if is_wrong:
        raise Invalid(f"n_gpu: {count!r} is neither a number above 0 nor 'auto'.", key="n_gpu")
    return Placement(
        node=launch.worker_ip,
        n_gpu=count,
        gpu_idx=(indices,) if isinstance(indices, int) else tuple(indices or ()),
    )
