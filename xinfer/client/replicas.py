"""Calls about the replicas of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xinfer.client.call import Call, Json, given, path, same

if TYPE_CHECKING:
    from xinfer.client.results.replicas import AddedReplicas, ReplicaDescription


def list_replicas(model_uid: str) -> Call[list[ReplicaDescription]]:
    """The replicas of a model: where each is and how it does, memory in bytes.

    A uid that is not known has none.
    """
    return Call(
        what="list replicas",
        method="GET",
        path=path("v1", "models", model_uid, "replicas"),
        decode=same,
    )


def add_model_replica(
    model_uid: str,
    replica_config: Mapping[str, Json] | Sequence[Mapping[str, Json]] | None = None,
    replica: int = 1,
    model_engine: str | None = None,
    n_gpu: int | str | None = None,
) -> Call[AddedReplicas]:
    """`replica` more of a model: `replica_id`, `replica_model_uid` and `worker_address` of the one,
    or `replicas` with these of each.

    Where they run is the planner's choice, so the other parameters raise ClientError 400, and so
    does a uid that is not known; 503 says that no machine can take them.
    """
    wanted = given(replica_config=replica_config, model_engine=model_engine, n_gpu=n_gpu)
    return Call(
        what="add a replica",
        method="POST",
        path=path("v1", "models", model_uid, "replicas"),
        body=wanted | {"replica": replica},
        decode=same,
        silence_s=None,
    )


def terminate_model_replica(model_uid: str, replica_id: int) -> Call[int]:
    """Stop one replica, named by its `replica_id`, and return how many stay.

    Raises ClientError 400 when there is no such replica.
    """
    return Call(
        what="terminate the replica",
        method="DELETE",
        path=path("v1", "models", model_uid, "replicas", replica_id),
        decode=lambda document: int(document["remaining_replicas"]),
    )
