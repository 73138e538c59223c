"""Models that run: list, launch, describe, terminate, and what they do; what is declared."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta

from xinfer.api.openapi.operation import NULL, Body, Operation, Query
from xinfer.api.resources.abort import AbortBody
from xinfer.api.schemas.launch import LaunchBody


class ModelDescription(TypedDict):
    """A model and how it does. Keys beyond these depend on its type."""

    id: str
    object: str
    created: int
    owned_by: str
    model_type: str
    model_name: str
    model_engine: str
    model_format: str | None
    model_ability: list[str]
    model_hub: str | None
    quantization: str | None
    address: str | None
    accelerators: list[str]
    replica: int
    state: str
    reason: str
    replicas_ready: int
    restarts: int
    origin: str


class ModelList(TypedDict):
    """In OpenAI's form."""

    object: str
    data: list[ModelDescription]


class ModelUid(TypedDict):
    """What was launched."""

    model_uid: str


class VersionLaunch(TypedDict):
    """`model_version` is one of those that a model lists; other keys are those of a launch."""

    model_version: str
    model_engine: str
    model_type: NotRequired[str | None]
    model_uid: NotRequired[str | None]
    replica: NotRequired[int]


class Instance(TypedDict):
    """A model as Xinference lists what runs."""

    model_name: str
    model_uid: str
    model_version: str | None
    model_ability: list[str]
    replica: int
    status: str
    instance_created_ts: int
    n_worker: int
    replica_statuses: list[dict[str, Any]]


class DownloadFile(TypedDict):
    """Bytes; `total_bytes` is None or 0 while it is not known."""

    name: str
    done_bytes: int
    total_bytes: int | None


class LaunchProgress(TypedDict):
    """`progress` 0..1 of the whole launch, the slowest replica counts."""

    progress: float
    stage: str
    download_files: list[DownloadFile]
    replicas: list[dict[str, Any]]


class ReplicaTimeline(TypedDict):
    """The phases of a replica with their seconds, and why it failed."""

    replica_id: str
    node: str
    phases: list[dict[str, Any]]
    cause: dict[str, Any] | None
    retry_at_s: float | None


class ModelEvent(TypedDict):
    """Something that happened to a model; the time is in unix seconds."""

    event_type: str
    event_ts: float
    event_content: str


class AbortReply(TypedDict):
    """DONE, NOT_FOUND, or NO_OP for a model that does not run."""

    msg: str


Natural = Annotated[int, Meta(ge=0)]
Lines = Annotated[int, Meta(ge=0, le=100_000)]

_WAIT = Query(
    name="wait_ready", kind=bool, default=True, doc="Whether the reply waits until it is ready."
)
LAUNCH_ERRORS = (409, 499)
_VERSION_EXAMPLE = {"model_version": "qwen3--4B--ggufv2--Q4_K_M", "model_engine": "llama.cpp"}
LAUNCH_EXAMPLE = {"model_uid": "chat", "model_name": "chat", "model_engine": "echo"}

OPERATIONS = (
    Operation(
        method="GET", path="/v1/models", summary="List models", reply=ModelList, errors=(503,)
    ),
    Operation(
        method="POST",
        path="/v1/models",
        summary="Launch a model",
        doc="Keys beyond these are options of the engine. It is declared: it comes back after a "
        "restart of anything.",
        query=(_WAIT,),
        body=Body(kind=LaunchBody, example=LAUNCH_EXAMPLE),
        reply=ModelUid,
        errors=LAUNCH_ERRORS,
    ),
    Operation(
        method="GET",
        path="/v1/models/instances",
        summary="List what runs",
        query=(
            Query(name="model_uid", kind=str, doc="Only this one."),
            Query(name="model_name", kind=str, doc="Only those of this name."),
        ),
        reply=list[Instance],
        errors=(503,),
    ),
    Operation(
        method="POST",
        path="/v1/models/instance",
        summary="Launch a version of a model",
        query=(_WAIT,),
        body=Body(kind=VersionLaunch, example=_VERSION_EXAMPLE),
        reply=ModelUid,
        errors=LAUNCH_ERRORS,
    ),
    Operation(
        method="GET",
        path="/v1/models/{uid}",
        summary="Describe a model",
        doc="A uid that is not known is a 400.",
        reply=ModelDescription,
        errors=(400, 503),
    ),
    Operation(
        method="DELETE",
        path="/v1/models/{uid}",
        summary="Terminate a model",
        doc="Its replicas drain and end. A uid that is not known is a 400.",
        reply=NULL,
        errors=(400, 409),
    ),
    Operation(
        method="GET",
        path="/v1/models/{uid}/timeline",
        summary="Phases of a model's replicas",
        reply=list[ReplicaTimeline],
        errors=(503,),
    ),
    Operation(
        method="GET",
        path="/v1/models/{uid}/progress",
        summary="Progress of a launch",
        reply=LaunchProgress,
        errors=(503,),
    ),
    Operation(
        method="GET",
        path="/v1/models/{uid}/events",
        summary="What happened to a model",
        reply=list[ModelEvent],
        errors=(503,),
    ),
    Operation(
        method="GET",
        path="/v1/models/{uid}/logs",
        summary="Output of a model's engine",
        query=(
            Query(name="replica", kind=Natural, doc="The number of the replica; else the newest."),
            Query(name="tail", kind=Lines, default=200, doc="How many of the last lines."),
            Query(name="follow", kind=bool, default=False, doc="Whether to go on as it grows."),
        ),
        content={"text/plain": "Lines."},
        errors=(404, 503),
    ),
    Operation(
        method="POST",
        path="/v1/models/{uid}/requests/{request_id}/abort",
        summary="End a request that runs",
        body=Body(kind=AbortBody, required=False),
        reply=AbortReply,
    ),
)
