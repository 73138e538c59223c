"""Calls about the cluster as a whole. Run them with `client.run`."""

from __future__ import annotations

from xinfer.client.call import Call, Json, same


def get_supervisor_info() -> Call[dict[str, Json]]:
    """`supervisor_ip`, the address of the supervisor."""
    return Call(what="ask for the supervisor", method="GET", path="/v1/supervisor", decode=same)


def get_workers_info() -> Call[list[dict[str, Json]]]:
    """The workers: `work-ip` and the `models` of each."""
    return Call(what="ask for the workers", method="GET", path="/v1/workers", decode=same)


def abort_cluster() -> Call[bool]:
    """Stop every worker and the supervisor; whether it stops. What is declared is remembered."""
    return Call(
        what="stop the cluster",
        method="DELETE",
        path="/v1/clusters",
        decode=lambda document: bool(document["result"]),
    )
