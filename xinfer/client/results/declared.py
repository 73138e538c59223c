"""What is to run: the models of recipes and of launches."""

from __future__ import annotations

from typing import Any, TypedDict


class AutostartState(TypedDict):
    """As the `status` of an instance."""

    instance_status: str


class AutostartEntry(TypedDict):
    """`launch` is the body of the launch, with `******` for what looks secret."""

    enabled: bool
    priority: int
    max_retries: int
    retry_interval_seconds: int
    launch: dict[str, Any]
    state: AutostartState


class AutostartConfig(TypedDict):
    """Every model that is declared."""

    models: list[AutostartEntry]


class AutostartName(TypedDict):
    """One of them, by uid."""

    enabled: bool
    model_uid: str


class AutostartSummary(TypedDict):
    """The uids alone."""

    models: list[AutostartName]


class ModelSource(TypedDict):
    """Where files come from: `hub` is path, package, huggingface or modelscope.

    `ref` is a path, a name or `org/repo`; `files` are patterns, none for the engine's choice.
    `mirrors` have the same files.
    """

    hub: str
    ref: str
    revision: str | None
    files: list[str]
    mirrors: list[ModelSource]


class ModelLimits(TypedDict):
    """Requests that a replica takes at once (None = any) and that wait, and for how long."""

    max_in_flight: int | None
    max_queue: int
    queue_timeout_s: float


class ModelRestart(TypedDict):
    """After how many launches in a row that failed a replica rests; the pauses between them."""

    max_failures: int
    backoff_s: float
    backoff_max_s: float


class ModelPlacement(TypedDict):
    """Where replicas may run: `n_gpu` None is on processors only, auto as it fits."""

    node: str | None
    labels: dict[str, str]
    n_gpu: int | str | None
    gpu_idx: list[int]


class DesiredModel(TypedDict):
    """A model as it is to run. `origin` is recipe or api, `kind` LLM, embedding or rerank.

    `memory_bytes` is what one replica is expected to need; `created_s` is in unix seconds.
    `attempt` counts how often what had failed and rested was to be tried again.
    """

    uid: str
    engine: str
    kind: str
    source: ModelSource | None
    family: str | None
    format: str | None
    size: str | None
    quantization: str | None
    replicas: int
    options: dict[str, Any]
    extra_args: list[str]
    env: dict[str, str]
    memory_bytes: int | None
    launch_timeout_s: float
    drain_timeout_s: float
    limits: ModelLimits
    restart: ModelRestart
    placement: ModelPlacement
    origin: str
    created_s: int
    retired: list[int]
    attempt: int


class Recipe(TypedDict):
    """What is desired; `drift` names the models that are not as the recipe declared them."""

    recipe: str
    revision: int
    models: list[DesiredModel]
    drift: list[str]


class RecipeChanges(TypedDict):
    """What an applied recipe changed, by uid; `revision` is that after it."""

    revision: int
    added: list[str]
    changed: list[str]
    removed: list[str]
    unchanged: list[str]
    no_room: dict[str, str]
