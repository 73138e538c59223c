"""The cluster: nodes, health, metrics, and what workers call."""

from __future__ import annotations

from typing import Any, TypedDict

from xinfer.api.openapi.operation import Body, Operation, Query
from xinfer.domain.node import NodeReport
from xinfer.domain.state import Assignment

Version = TypedDict("Version", {"version": str, "full-revisionid": str})
Worker = TypedDict("Worker", {"work-ip": str, "models": dict[str, str]})


class ClusterStatus(TypedDict):
    """Seconds since the start, and each worker by address."""

    uptime: int
    workers: dict[str, dict[str, Any]]


class ClusterNode(TypedDict):
    """Keys beyond these come with `detailed`."""

    node_type: str
    ip_address: str
    gpu_count: int
    gpu_vram_total: int | str


class Supervisor(TypedDict):
    """`host:port`."""

    supervisor_ip: str


class Authentication(TypedDict):
    """Whether callers need a credential."""

    auth: bool


class Stopping(TypedDict):
    """Whether the installation ends."""

    result: bool


class Alive(TypedDict):
    """`ok`."""

    status: str


class ReadyModels(TypedDict):
    """Counts."""

    desired: int
    ready: int


class Ready(TypedDict):
    """`ready` or `starting`."""

    status: str
    models: ReadyModels


OPERATIONS = (
    Operation(method="GET", path="/status", summary="Status", reply=ClusterStatus, errors=(503,)),
    Operation(
        method="GET",
        path="/v1/cluster/info",
        summary="List nodes",
        query=(
            Query(name="detailed", kind=bool, default=False, doc="Memory, processors, labels."),
        ),
        reply=list[ClusterNode],
        errors=(503,),
    ),
    Operation(method="GET", path="/v1/cluster/version", summary="Version", reply=Version),
    Operation(
        method="GET",
        path="/v1/cluster/devices",
        summary="Count the accelerators of the largest node",
        reply=int,
        errors=(503,),
    ),
    Operation(
        method="GET",
        path="/v1/cluster/auth",
        summary="Whether credentials are needed",
        reply=Authentication,
    ),
    Operation(
        method="DELETE",
        path="/v1/clusters",
        summary="Stop everything",
        doc="It drains and ends a moment later.",
        reply=Stopping,
    ),
    Operation(
        method="GET",
        path="/v1/workers",
        summary="List workers",
        reply=list[Worker],
        errors=(503,),
    ),
    Operation(method="GET", path="/v1/supervisor", summary="Supervisor", reply=Supervisor),
    Operation(method="GET", path="/v1/address", summary="Address of the supervisor", reply=str),
    Operation(
        method="GET",
        path="/metrics",
        summary="Metrics",
        content={"text/plain": "Prometheus' text format."},
        errors=(503,),
    ),
    *(
        Operation(method=method, path=path, summary="Whether the process answers", reply=reply)
        for path in ("/health", "/healthz")
        for method, reply in (("GET", Alive), ("HEAD", None))
    ),
    Operation(
        method="GET",
        path="/readyz",
        summary="Whether the routes are known",
        doc="Models may still be loading; the body counts them.",
        reply=Ready,
        replies={503: Ready},
    ),
    Operation(
        method="POST",
        path="/cluster/nodes/{node}/report",
        summary="Report a node",
        doc="What workers send.",
        body=Body(kind=NodeReport),
        reply=Assignment,
        errors=(409,),
    ),
    Operation(
        method="GET",
        path="/cluster/nodes/{node}/assignment",
        summary="Read a node's assignment",
        doc="What workers ask.",
        query=(
            Query(name="revision", kind=int, default=-1, doc="The one that is known."),
            Query(name="wait_s", kind=float, default=0.0, doc="How long to wait for another."),
        ),
        reply=Assignment,
        errors=(503,),
    ),
    Operation(
        method="GET",
        path="/cluster/nodes/{node}/way",
        summary="Open a way to a node",
        doc="What workers that cannot be connected to ask, with `Upgrade: xinfer-way`: the"
        " connection is used in the other direction from then on.",
        status=101,
        errors=(400, 409, 503),
    ),
)
