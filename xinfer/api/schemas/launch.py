"""The body of `POST /v1/models`: the peer's keys and ours, as one spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from xinfer.domain.model import Hub, ModelKind, ModelSpec, Placement, Source
from xinfer.domain.names import did_you_mean
from xinfer.errors import Invalid

_IGNORED = (
    "n_worker", "peft_model_config", "replica_config", "enable_thinking", "enable_virtual_env",
    "virtual_env_packages", "virtual_env_find_links", "download_hub", "trust_remote_code",
    "model_python_executable", "request_limits",
)  # fmt: skip
_UNITS = {"": 1, "B": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40,
          "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}  # fmt: skip


class LaunchBody(msgspec.Struct, kw_only=True):
    """Known keys with their types; everything else goes to the engine as an option."""

    model_name: str = ""
    model_engine: str | None = None
    model_uid: str | None = None
    model_type: str = "LLM"
    model_size_in_billions: int | str | float | None = None
    size_in_billions: int | str | float | None = None
    model_format: str | None = None
    quantization: str | None = None
    replica: int | str = 1
    n_gpu: int | str | None = "auto"
    gpu_idx: int | list[int] | None = None
    worker_ip: str | None = None
    model_path: str | None = None
    envs: dict[str, str] | None = None
    source: dict[str, Any] | None = None
    memory: int | str | None = None
    engine_kwargs: dict[str, Any] | None = None
    extra_args: list[str] | None = None


def spec_of(body: bytes) -> ModelSpec:
    """Raises Invalid for a body that is no launch."""
    try:
        given = msgspec.json.decode(body or b"null")
        if not isinstance(given, dict):
            raise Invalid("The body must be a JSON object.", key="body")
        launch = msgspec.convert(given, LaunchBody)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Invalid(f"The launch cannot be read: {error}.", key="body") from error
    if not launch.model_name:
        raise Invalid("A launch needs a model_name.", key="model_name")
    if not launch.model_engine:
        raise Invalid(
            "A launch needs a model_engine.", "For example llama.cpp.", key="model_engine"
        )
    size = launch.model_size_in_billions or launch.size_in_billions
    return ModelSpec(
        uid=launch.model_uid or launch.model_name,
        engine=launch.model_engine,
        kind=_kind(launch.model_type),
        source=_source(launch),
        family=launch.model_name,
        format=launch.model_format,
        size=str(size).replace("_", ".") if size is not None else None,
        quantization=launch.quantization,
        replicas=_replicas(launch.replica),
        options=_options(given, launch),
        extra_args=tuple(launch.extra_args or ()),
        env=launch.envs or {},
        memory_bytes=_bytes(launch.memory),
        placement=_placement(launch),
    )


def _kind(name: str) -> ModelKind:
    for kind in ModelKind:
        if kind.lower() == name.lower():
            return kind
    raise Invalid(
        f"There is no model type '{name}' to launch.", did_you_mean(name, list(ModelKind)),
        key="model_type",
    )  # fmt: skip


def _source(launch: LaunchBody) -> Source | None:
    if launch.model_path and launch.source:
        raise Invalid("Give either model_path or source, not both.", key="model_path")
    if launch.model_path:
        return Source(hub=Hub.PATH, ref=launch.model_path)
    if not launch.source:
        return None
    places = [name for name in launch.source if name in list(Hub)]
    unknown = sorted(set(launch.source) - set(places) - {"revision", "files"})
    if unknown:
        known = [*Hub, "revision", "files"]
        raise Invalid(
            f"source.{unknown[0]}: a source has no such key.",
            did_you_mean(unknown[0], known),
            key=f"source.{unknown[0]}",
        )
    if len(places) != 1:
        raise Invalid(
            f"source: exactly one of {', '.join(Hub)} is needed, {len(places)} are given.",
            key="source",
        )
    files = launch.source.get("files") or ()
    return Source(
        hub=Hub(places[0]),
        ref=str(launch.source[places[0]]),
        revision=launch.source.get("revision"),
        files=(files,) if isinstance(files, str) else tuple(files),
    )


def _replicas(count: int | str) -> int:
    try:
        number = int(count)
    except ValueError:
        number = -1
    if number < 1:
        raise Invalid(f"replica: {count!r} is not a number of at least 1.", key="replica")
    return number


def _options(given: Mapping[str, Any], launch: LaunchBody) -> dict[str, Any]:
    known = {*LaunchBody.__struct_fields__, *_IGNORED}
    loose = {name: value for name, value in given.items() if name not in known}
    return {**(launch.engine_kwargs or {}), **loose}


def _placement(launch: LaunchBody) -> Placement:
    indices = launch.gpu_idx
    if isinstance(launch.n_gpu, str) and launch.n_gpu != "auto":
        raise Invalid(f"n_gpu: {launch.n_gpu!r} is neither a number nor 'auto'.", key="n_gpu")
    return Placement(
        node=launch.worker_ip,
        n_gpu=launch.n_gpu,
        gpu_idx=(indices,) if isinstance(indices, int) else tuple(indices or ()),
    )


def _bytes(amount: int | str | None) -> int | None:
    if amount is None or isinstance(amount, int):
        return amount
    text = amount.strip().upper()
    number = text.rstrip("BKMGTI")
    unit = text[len(number) :].strip()
    try:
        return int(float(number) * _UNITS[unit])
    except (KeyError, ValueError):
        raise Invalid(
            f"memory: {amount!r} is no amount of memory.", "Write it as 2GiB or 512MiB.",
            key="memory",
        ) from None  # fmt: skip
