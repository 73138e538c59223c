"""Which node takes a replica: filters say who can, a score says who should."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xinfer.domain.model import ModelSpec
from xinfer.domain.node import NodeState
from xinfer.domain.state import AssignedReplica

NO_NODE = "no worker has joined yet"
"""The refusal while the cluster is still empty: a reason to wait, not a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A node and the accelerators on it that a replica would get."""

    node: str
    devices: tuple[int, ...] = ()


def place(
    spec: ModelSpec, nodes: Mapping[str, NodeState], taken: Sequence[AssignedReplica]
) -> Seat | str:
    """The best seat for one more replica of `spec`, or a sentence naming what is missing where.

    `nodes` are those that may be used; `taken` is everything assigned so far.
    """
    if not nodes:
        return NO_NODE
    refusals = []
    seats: list[tuple[tuple[int, int, str], Seat]] = []
    for name, state in sorted(nodes.items()):
        here = [replica for replica in taken if replica.node == name]
        problem = _mismatch(spec, name, state) or _memory_shortage(spec, name, state, here)
        devices = problem or _devices(spec, state, here)
        if isinstance(devices, str):
            refusals.append(devices)
            continue
        same = sum(replica.uid == spec.uid for replica in here)
        seats.append(((same, len(here), name), Seat(node=name, devices=devices)))
    if not seats:
        return "; ".join(refusals) + "."
    return min(seats, key=lambda scored: scored[0])[1]


def _mismatch(spec: ModelSpec, name: str, state: NodeState) -> str:
    wanted = spec.placement
    if wanted.node is not None and wanted.node != name:
        return f"node {name} is not '{wanted.node}'"
    for label, value in wanted.labels.items():
        has = state.report.labels.get(label)
        if has != value:
            return f"node {name} has {label}={has or 'nothing'}, not {value}"
    return ""


def _memory_shortage(
    spec: ModelSpec, name: str, state: NodeState, here: Iterable[AssignedReplica]
) -> str:
    if spec.memory_bytes is None:
        return ""
    total = state.report.machine.memory_total_bytes
    used = sum(replica.spec.memory_bytes or 0 for replica in here)
    free = total - used
    if spec.memory_bytes <= free:
        return ""
    return (
        f"node {name} has {_gib(free)} of memory left of {_gib(total)},"
        f" {_gib(spec.memory_bytes)} are needed"
    )


def _devices(
    spec: ModelSpec, state: NodeState, here: Sequence[AssignedReplica]
) -> tuple[int, ...] | str:
    """Accelerator indices for the replica, least used first; a sentence when there are too few."""
    wanted, chosen = spec.placement.n_gpu, spec.placement.gpu_idx
    present = {device.index for device in state.report.machine.devices}
    name = state.report.node
    if chosen:
        missing = sorted(set(chosen) - present)
        return f"node {name} has no accelerator {missing[0]}" if missing else tuple(chosen)
    if wanted is None or not present:
        count = wanted if isinstance(wanted, int) else 0
        return f"node {name} has no accelerator, {count} are needed" if count else ()
    count = 1 if wanted == "auto" else int(wanted)
    if count > len(present):
        return f"node {name} has {len(present)} accelerators, {count} are needed"
    load = {index: sum(index in replica.devices for replica in here) for index in present}
    return tuple(sorted(sorted(present), key=lambda index: load[index])[:count])


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.1f} GiB"
