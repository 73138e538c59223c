"""The nodes as the planner sees them at one moment: who speaks, who is lost, who may still come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xinfer.domain.node import NodeReport
from xinfer.domain.replica import Phase, ReplicaStatus
from xinfer.domain.state import AssignedReplica, Observed

_STARTS_S = 15.0
"""Machines that are switched on together join within."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`node_grace_s`: a node silent for longer is lost.

    `listening_since_s` (unix seconds): silence before this moment is ours, not the node's. The
    planner sets it to when it began, or began again, to hear anybody. `named` nodes are in the
    recipe, and expected from then on.
    """

    node_grace_s: float = 60.0
    listening_since_s: float = 0.0
    named: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """`live` nodes were heard within the grace and may be given replicas. `lost` ones were not,
    while others were. `awaited` ones were silent before we listened and have some time left;
    `expected` ones among them have never been heard, and are probably starting.

    When nobody speaks the silence is taken for ours, and nobody is lost. `known` is what every node
    last said, and `statuses` what it said of its replicas, by node and replica id.
    """

    live: Mapping[str, NodeReport]
    lost: frozenset[str]
    awaited: frozenset[str]
    expected: frozenset[str]
    known: Mapping[str, NodeReport]
    statuses: Mapping[tuple[str, str], ReplicaStatus]

    def is_lost(self, node: str) -> bool:
        """Also a node that nobody knows any more, unless nobody speaks at all."""
        return node in self.lost or (bool(self.live) and node not in self.known)

    def is_ready(self, replica: AssignedReplica) -> bool:
        """Whether it serves, as assigned, as far as its node can be believed."""
        seen = self.statuses.get((replica.node, replica.replica_id))
        return (
            seen is not None
            and seen.phase is Phase.READY
            and seen.digest == replica.spec.digest()
            and not self.is_lost(replica.node)
        )

    def is_refused(self, replica: AssignedReplica) -> bool:
        """Whether its node has weighed it and has no room for it.

        What it weighs is then known, so one that was assigned by that is not.
        """
        seen = self.statuses.get((replica.node, replica.replica_id))
        return (
            seen is not None
            and bool(seen.no_room)
            and seen.digest == replica.spec.digest()
            and replica.spec.memory_bytes is None
        )

    def runs_elsewhere(self, replica_id: str, node: str) -> bool:
        """Whether a node other than `node` still reports a process of this name."""
        return any(
            name == replica_id and where != node and where not in self.lost
            for where, name in self.statuses
        )


def fleet(observed: Observed, now_s: float, policy: Policy) -> Fleet:
    """Judge every node by its last report."""
    live, silent = {}, {}
    for name, state in sorted(observed.nodes.items()):
        if now_s - state.seen_at_s <= policy.node_grace_s:
            live[name] = state.report
        else:
            silent[name] = max(state.seen_at_s, policy.listening_since_s)
    lost = frozenset(
        name for name, since_s in silent.items() if live and now_s - since_s > policy.node_grace_s
    )
    is_early = now_s - policy.listening_since_s <= min(_STARTS_S, policy.node_grace_s)
    expected = policy.named - set(observed.nodes) if is_early else frozenset()
    return Fleet(
        live=live,
        lost=lost,
        awaited=frozenset(silent) - lost | expected,
        expected=expected,
        known={name: state.report for name, state in observed.nodes.items()},
        statuses={
            (name, status.replica_id): status
            for name, state in observed.nodes.items()
            for status in state.report.replicas
        },
    )
