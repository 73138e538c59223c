"""Small clusters to plan for: nodes that report, replicas that are ready, specs that ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xinfer.domain.model import Hub, ModelSpec, Source
from xinfer.domain.node import Device, Machine, NodeReport, NodeState
from xinfer.domain.replica import Phase, ReplicaStatus
from xinfer.domain.state import Assigned, AssignedReplica, Desired, Observed

GIB = 1024**3
NOW = 10_000.0


def spec(uid: str = "m", **more: object) -> ModelSpec:
    return ModelSpec(**{"uid": uid, "engine": "echo", **more})  # type: ignore[arg-type]


def loaded(uid: str = "m", **more: object) -> ModelSpec:
    """A spec with model files, which an accelerator is for."""
    return spec(uid, source=Source(hub=Hub.PATH, ref="/weights"), **more)


def desired(*specs: ModelSpec) -> Desired:
    return Desired(models={one.uid: one for one in specs})


def assigned(*replicas: AssignedReplica, **more: Mapping[str, str]) -> Assigned:
    return Assigned(replicas=replicas, **more)  # type: ignore[arg-type]


def on(node: str, of: ModelSpec, index: int = 0, *devices: int) -> AssignedReplica:
    return AssignedReplica(uid=of.uid, index=index, node=node, spec=of, devices=devices)


def status(replica: AssignedReplica, phase: Phase = Phase.READY, **more: object) -> ReplicaStatus:
    values = {
        "replica_id": replica.replica_id,
        "uid": replica.uid,
        "index": replica.index,
        "digest": replica.spec.digest(),
        "phase": phase,
        "address": "127.0.0.1:4000",
        **more,
    }
    return ReplicaStatus(**values)  # type: ignore[arg-type]


def node(
    name: str,
    *statuses: ReplicaStatus,
    memory: int = 16,
    gpus: Sequence[int] = (),
    held: int = 0,
    held_on: Sequence[int] = (),
    labels: Mapping[str, str] | None = None,
    silent_s: float = 0.0,
    sequence: int = 1,
) -> NodeState:
    """`memory`, `gpus` (the memory of each), and what others hold of them, in GiB."""
    devices = tuple(
        Device(
            index=index,
            name="gpu",
            kind="cuda",
            total_bytes=size * GIB,
            used_bytes=0,
            held_bytes=taken * GIB,
        )
        for index, (size, taken) in enumerate(zip(gpus, held_on or [0] * len(gpus), strict=True))
    )
    report = NodeReport(
        node=name,
        incarnation="one",
        sequence=sequence,
        version="0.1.0",
        address=f"127.0.0.1:{9000 + len(name)}",
        machine=Machine(
            cores=4,
            memory_total_bytes=memory * GIB,
            memory_available_bytes=memory * GIB,
            memory_held_bytes=held * GIB,
            system="Linux",
            devices=devices,
        ),
        labels=labels or {},
        replicas=statuses,
    )
    return NodeState(report=report, seen_at_s=NOW - silent_s)


def observed(*nodes: NodeState) -> Observed:
    return Observed(nodes={one.report.node: one for one in nodes})
