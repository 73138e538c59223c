"""The replicas of a model, and the exchange of their options."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class ReplicaDescription(TypedDict):
    """One replica: where it is, how it does, what it takes.

    `status` is CREATING, LOADING, READY, TERMINATING, TERMINATED or ERROR, `phase` the finer word.
    `unwell` says why one that is ready gets no requests; `created_ts` is in unix seconds.
    `restarts` counts those since its first start, `failures` the launches in a row that came to
    nothing. `replica_id` is its number.
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


class PlacedReplica(TypedDict):
    """A new one; all is None while it waits for a node."""

    replica_id: int | None
    replica_model_uid: str | None
    worker_address: str | None


class AddedReplicas(TypedDict):
    """Of one its first three keys, of several `replica` (how many) and `replicas`."""

    replica_id: NotRequired[int | None]
    replica_model_uid: NotRequired[str | None]
    worker_address: NotRequired[str | None]
    replica: NotRequired[int]
    replicas: NotRequired[list[PlacedReplica]]


class ReloadOperation(TypedDict):
    """A change of options: `stage` is loading, ready or error, `drain_timeout` in seconds."""

    operation_id: str
    model_uid: str
    stage: str
    error: str | None
    model_config: dict[str, Any]
    drain_timeout: float
    replicas: int
    replicas_ready: int


class ReloadOption(TypedDict):
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
    parameters: list[ReloadOption]
