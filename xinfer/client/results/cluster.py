"""The cluster as a whole: supervisor, nodes, and what they have."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class WorkerStatus(TypedDict):
    """`alive` is False for one that was silent for too long; `replicas` is a count."""

    node: str
    alive: bool
    seen_s_ago: float
    replicas: int


class ClusterStatus(TypedDict):
    """Seconds since the start, and each worker by its address."""

    uptime: int
    workers: dict[str, WorkerStatus]


class Accelerator(TypedDict):
    """One device of a node; `load` 0..1 is how much it worked lately, None if not known.

    `held_bytes` are in use by others than replicas; `free_bytes` no replica asked for either.
    """

    index: int
    name: str
    kind: str
    total_bytes: int
    used_bytes: int
    load: float | None
    held_bytes: NotRequired[int]
    free_bytes: NotRequired[int]


class ClusterNode(TypedDict):
    """The supervisor or a worker (`node_type`).

    The memory of accelerators is a text in MiB (0 = none); with `detailed`, which adds the other
    keys, it is in bytes, as is all memory. What is available nobody uses now; what is free no
    replica asked for and nothing else holds. `load` 0..1 is how much the processors worked lately.
    `reach` says whether the supervisor connects to the worker (direct) or it to the supervisor.
    """

    node_type: str
    ip_address: str
    gpu_count: int
    gpu_vram_total: int | str
    node: NotRequired[str]
    software_version: NotRequired[str]
    gpu_vram_available: NotRequired[int]
    gpu_vram_free: NotRequired[int]
    gpu_names: NotRequired[list[str]]
    devices: NotRequired[list[Accelerator]]
    cpu_count: NotRequired[int]
    load: NotRequired[float | None]
    mem_total: NotRequired[int]
    mem_available: NotRequired[int]
    mem_free: NotRequired[int]
    mem_held: NotRequired[int]
    mem_used: NotRequired[int]
    alive: NotRequired[bool]
    labels: NotRequired[dict[str, str]]
    reach: NotRequired[str]


class Supervisor(TypedDict):
    """`host:port` of the API."""

    supervisor_ip: str


Worker = TypedDict("Worker", {"work-ip": str, "models": dict[str, str]})
Worker.__doc__ = """The address of a worker, and by uid of a replica there, the model's."""

Version = TypedDict("Version", {"version": str, "full-revisionid": str})
Version.__doc__ = """That of the server; the second is empty."""


class Stopping(TypedDict):
    """Whether the installation ends."""

    result: bool


class RequestProgress(TypedDict):
    """How far a picture or film is, 0..1, with seconds gone and to go."""

    progress: float
    elapsed_seconds: NotRequired[float | None]
    eta_seconds: NotRequired[float | None]
