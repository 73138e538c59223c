"""Calls about the cluster as a whole. Run them with `client.run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xinfer.client.call import Call, path, query, same

if TYPE_CHECKING:
    from xinfer.client.results.cluster import (
        ClusterNode,
        ClusterStatus,
        RequestProgress,
        Stopping,
        Supervisor,
        Version,
        Worker,
    )


def get_status() -> Call[ClusterStatus]:
    """The `uptime` of the supervisor in seconds, and each worker by its address."""
    return Call(what="get the status", method="GET", path="/status", decode=same)


def get_cluster_info(detailed: bool = False) -> Call[list[ClusterNode]]:
    """The supervisor, then the workers; `detailed` adds processors, devices and memory (bytes)."""
    return Call(
        what="get the cluster info",
        method="GET",
        path="/v1/cluster/info",
        query=query(detailed=detailed),
        decode=same,
    )


def get_cluster_auth() -> Call[bool]:
    """Whether calls need an API key. Needs none itself."""
    return Call(
        what="get the cluster auth",
        method="GET",
        path="/v1/cluster/auth",
        decode=lambda document: bool(document["auth"]),
    )


def get_supervisor_info() -> Call[Supervisor]:
    """`supervisor_ip`, the host and port of the supervisor."""
    return Call(what="ask for the supervisor", method="GET", path="/v1/supervisor", decode=same)


def get_workers_info() -> Call[list[Worker]]:
    """The workers: `work-ip` (host and port) and the `models` of each, by uid of the replica."""
    return Call(what="ask for the workers", method="GET", path="/v1/workers", decode=same)


def abort_cluster() -> Call[Stopping]:
    """Stop every worker and the supervisor: `result` says whether. What is declared is kept."""
    return Call(
        what="stop the cluster",
        method="DELETE",
        path="/v1/clusters",
        decode=same,
    )


def get_address() -> Call[str]:
    """Host and port of the supervisor."""
    return Call(what="ask for the address", method="GET", path="/v1/address", decode=str)


def get_version() -> Call[Version]:
    """`version` of the server."""
    return Call(what="ask for the version", method="GET", path="/v1/cluster/version", decode=same)


def get_device_count() -> Call[int]:
    """How many accelerators the node with the most of them has."""
    return Call(what="count the devices", method="GET", path="/v1/cluster/devices", decode=int)


def get_progress(request_id: str) -> Call[RequestProgress]:
    """How far a picture or film is: there is none, so ClientError 400; text comes as a stream."""
    return Call(
        what="get the progress",
        method="GET",
        path=path("v1", "requests", request_id, "progress"),
        decode=same,
    )
