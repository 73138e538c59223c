"""What runs: models, how far their launches are, and what happened to them."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from xinfer.client.results.replicas import ReplicaDescription


class ModelDescription(TypedDict):
    """A model and how it does.

    `state` is loading, ready, failed or stopped, `reason` why it, or a replica of it, is not ready.
    `created` is in unix seconds; `replica` is how many are wanted, `replicas_ready` how many serve;
    `accelerators` are indices as text; lengths are in tokens. `origin` is recipe or api. The keys
    that may be absent are those of other types of models.
    """

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
    revision: NotRequired[str | None]
    model_size_in_billions: NotRequired[int | str | None]
    model_family: NotRequired[str]
    model_lang: NotRequired[list[str]]
    model_description: NotRequired[str | None]
    multimodal_projector: NotRequired[str | None]
    context_length: NotRequired[int | None]
    model_revision: NotRequired[str | None]
    dimensions: NotRequired[int | None]
    max_tokens: NotRequired[int | None]
    language: NotRequired[list[str]]
    type: NotRequired[str]


class Instance(TypedDict):
    """A model as Xinference lists what runs.

    `status` is CREATING, LOADING, READY, TERMINATING or ERROR, the worst of its replicas;
    `instance_created_ts` is in unix seconds.
    """

    model_name: str
    model_uid: str
    model_version: str | None
    model_ability: list[str]
    replica: int
    status: str
    instance_created_ts: int
    n_worker: int
    replica_statuses: list[ReplicaDescription]


class FetchedFile(TypedDict):
    """A file under way; `total_bytes` is None or 0 while it is not known."""

    name: str
    done_bytes: int
    total_bytes: int | None


class ReplicaProgress(TypedDict):
    """How far one replica is: `progress` 0..1 is the share of its present `stage`.

    `phase` is the finer word for the stage, `info` a few words about it; `updated_at` is in unix
    seconds.
    """

    replica_id: int
    replica_model_uid: str
    progress: float
    stage: str
    phase: str
    info: str
    updated_at: float | None
    download_files: list[FetchedFile]


class LaunchProgress(TypedDict):
    """How far a launch is: `progress` 0..1 of the whole, where the slowest replica counts.

    `stage` is pending, downloading, installing_dependencies, launching, loading, completed,
    terminating, cancelled or failed.
    """

    progress: float
    stage: str
    download_files: list[FetchedFile]
    replicas: list[ReplicaProgress]


class ModelEvent(TypedDict):
    """Something that happened to a model; `event_ts` is in unix seconds."""

    event_type: str
    event_ts: float
    event_content: str


class PhaseSpan(TypedDict):
    """A phase, its start in unix seconds and its length; None while it goes on."""

    phase: str
    started_s: float
    seconds: float | None


class Cause(TypedDict):
    """Why a replica ended: in which phase, in a line, and the last lines of its log as `tail`.

    `exit_code` or `signal` is that of the process; `exception` the last one in the log.
    """

    phase: str
    summary: str
    exit_code: int | None
    signal: str | None
    out_of_memory: bool
    exception: str | None
    tail: list[str]


class ReplicaTimeline(TypedDict):
    """What a replica went through; `retry_at_s` (unix seconds) is when it is tried again."""

    replica_id: str
    node: str
    phases: list[PhaseSpan]
    cause: Cause | None
    retry_at_s: float | None


class AbortReply(TypedDict):
    """`msg` is DONE, NOT_FOUND, or NO_OP for a model that does not run."""

    msg: str
