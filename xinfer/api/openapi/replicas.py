"""Replicas of a model: list, more, a certain one less, others, and a launch withdrawn."""

from __future__ import annotations

from typing import Any, TypedDict

from xinfer.api.openapi.operation import NULL, Body, Operation
from xinfer.api.resources.replicas import Addition
from xinfer.api.schemas.reload import ReloadBody


class ReplicaDescription(TypedDict):
    """One replica: where it is, how it does, what it takes (bytes).

    `unwell` says why one that is ready gets no requests.
    """

    replica_id: int
    replica_model_uid: str
    node: str
    worker_address: str
    model_address: str | None
    accelerators: list[str]
    gpu_idx: list[int]
    status: str
    phase: str
    unwell: str
    created_ts: int | None
    restarts: int
    failures: int
    memory_bytes: int | None
    pid: int | None
    error_message: str | None


class AddedReplica(TypedDict):
    """A new one; nulls while it waits for a node."""

    replica_id: int | None
    replica_model_uid: str | None
    worker_address: str | None


class AddedReplicas(TypedDict, total=False):
    """One, or `replica` of them in `replicas`."""

    replica_id: int | None
    replica_model_uid: str | None
    worker_address: str | None
    replica: int
    replicas: list[AddedReplica]


class RemainingReplicas(TypedDict):
    """How many are still wanted."""

    remaining_replicas: int


class ReloadOperation(TypedDict):
    """`stage` is loading, ready or error; `drain_timeout` in seconds."""

    operation_id: str
    model_uid: str
    stage: str
    error: str | None
    model_config: dict[str, Any]
    drain_timeout: float
    replicas: int
    replicas_ready: int


class ReloadParameter(TypedDict):
    """An option of the engine; `value` is None where the model does not say it."""

    name: str
    type: str
    description: str
    choices: list[str]
    default: Any
    value: Any


class ReloadConfig(TypedDict):
    """What a reload may change."""

    model_uid: str
    engine: str
    can_upgrade_environment: bool
    parameters: list[ReloadParameter]


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/models/{uid}/replicas",
        summary="List the replicas of a model",
        doc="A uid that is not known has none.",
        reply=list[ReplicaDescription],
        errors=(503,),
    ),
    Operation(
        method="POST",
        path="/v1/models/{uid}/replicas",
        summary="Add replicas",
        doc="The reply to one is that replica.",
        body=Body(kind=Addition, required=False),
        reply=AddedReplicas,
        errors=(409,),
    ),
    Operation(
        method="DELETE",
        path="/v1/models/{uid}/replicas/{index:int}",
        summary="End a certain replica",
        reply=RemainingReplicas,
        errors=(400, 404, 409),
    ),
    Operation(
        method="POST",
        path="/v1/models/{uid}/cancel",
        summary="Withdraw a launch",
        doc="A model that is ready already is a 409.",
        reply=NULL,
        errors=(400, 409),
    ),
    Operation(
        method="POST",
        path="/v1/models/{uid}/reload",
        summary="Change options of a model that runs",
        doc="One replica after the other is replaced; the old ones serve until then.",
        body=Body(kind=ReloadBody, example={"model_config": {}}),
        status=202,
        reply=ReloadOperation,
        errors=(400, 409),
    ),
    Operation(
        method="GET",
        path="/v1/models/{uid}/reload",
        summary="Follow a reload",
        doc="A model that was never reloaded is ready once all its replicas are.",
        reply=ReloadOperation,
        errors=(400, 503),
    ),
    Operation(
        method="GET",
        path="/v1/models/{uid}/reload/config",
        summary="What a reload may change",
        reply=ReloadConfig,
        errors=(400, 503),
    ),
)
