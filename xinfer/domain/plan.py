"""From what should run and what does, to who runs what. Pure, total, and the same every time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from xinfer.domain.model import ModelSpec
from xinfer.domain.node import NodeState
from xinfer.domain.placement import place
from xinfer.domain.replica import Phase
from xinfer.domain.rollout import next_step
from xinfer.domain.state import Assigned, AssignedReplica, Desired, Observed


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`node_grace_s`: a node silent for longer is lost, if another one still speaks."""

    node_grace_s: float = 60.0


def plan(
    desired: Desired, assigned: Assigned, observed: Observed, now_s: float, policy: Policy
) -> Assigned:
    """The next assignment, of the same revision; equal to `assigned` when there is nothing to do.

    An assignment that is still wanted is kept as it is. Replicas of lost nodes are placed anew,
    unless every node is silent: then the silence is ours and nothing moves. A changed spec rolls
    over one replica at a time. What cannot be placed is named in `refusals`.
    """
    lost = lost_nodes(observed, now_s, policy)
    usable = {
        name: state
        for name, state in observed.nodes.items()
        if now_s - state.seen_at_s <= policy.node_grace_s
    }
    kept = [
        _refreshed(replica, desired)
        for replica in assigned.replicas
        if replica.uid in desired.models and replica.node not in lost
    ]
    refusals: dict[str, str] = {}
    for uid, spec in desired.models.items():
        own = [replica for replica in kept if replica.uid == uid]
        others = [replica for replica in kept if replica.uid != uid]
        step = next_step(spec, own, _ready(own, observed))
        own = [replica for replica in own if replica.index not in step.drop]
        room = _Room(nodes=usable, others=tuple(others), shunned=_reported(uid, observed))
        before = len(own)
        own, refusal = _add(own, step.add, spec, room)
        if refusal:
            refusals[uid] = refusal
            # No room to surge: make room by giving up one of the old ones, if there is any.
            if len(own) == before:
                own = [replica for replica in own if replica.index != step.sacrifice]
        kept = [*others, *own]
    kept.sort(key=lambda replica: (replica.uid, replica.index))
    return replace(assigned, replicas=tuple(kept), refusals=refusals)


def lost_nodes(observed: Observed, now_s: float, policy: Policy) -> frozenset[str]:
    """Nodes silent beyond the grace; none when all are, for then it is us who do not hear."""
    silent = frozenset(
        name
        for name, state in observed.nodes.items()
        if now_s - state.seen_at_s > policy.node_grace_s
    )
    return frozenset() if len(silent) == len(observed.nodes) else silent


def _refreshed(replica: AssignedReplica, desired: Desired) -> AssignedReplica:
    """With the desired spec when the process need not change for it; else as it was."""
    spec = desired.models[replica.uid]
    same_process = spec.digest() == replica.spec.digest()
    return replace(replica, spec=spec) if same_process and spec != replica.spec else replica


def _ready(own: list[AssignedReplica], observed: Observed) -> frozenset[int]:
    """Indices of the assigned replicas that serve as assigned."""
    serving = {
        (state.report.node, status.replica_id, status.digest)
        for state in observed.nodes.values()
        for status in state.report.replicas
        if status.phase is Phase.READY
    }
    return frozenset(
        replica.index
        for replica in own
        if (replica.node, replica.replica_id, replica.spec.digest()) in serving
    )


def _reported(uid: str, observed: Observed) -> frozenset[int]:
    """Indices under which any node still reports a process, assigned or not.

    They are not given out again, so that even a node that was cut off never runs a second process
    of a name that runs elsewhere.
    """
    return frozenset(
        status.index
        for state in observed.nodes.values()
        for status in state.report.replicas
        if status.uid == uid
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    """Where replicas of one model can go: usable nodes, and what other models take of them."""

    nodes: Mapping[str, NodeState]
    others: tuple[AssignedReplica, ...]
    shunned: frozenset[int]


def _add(
    own: Sequence[AssignedReplica], count: int, spec: ModelSpec, room: _Room
) -> tuple[list[AssignedReplica], str]:
    """`own` with up to `count` more, each under the lowest free index; and why there are fewer."""
    grown = list(own)
    for _ in range(count):
        seat = place(spec, room.nodes, [*room.others, *grown])
        if isinstance(seat, str):
            return grown, seat
        used = {replica.index for replica in grown} | room.shunned
        index = next(number for number in range(len(used) + 1) if number not in used)
        grown.append(
            AssignedReplica(
                uid=spec.uid, index=index, node=seat.node, spec=spec, devices=seat.devices
            )
        )
    return grown, ""
