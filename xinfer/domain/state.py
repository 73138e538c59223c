"""The three states of the cluster and the decision between them, each with its revision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from xinfer.domain import names
from xinfer.domain.model import ModelSpec
from xinfer.domain.node import NodeState
from xinfer.domain.refusal import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What should run, by uid.

    `recipe` names the recipe that was applied last, if any, and `declared` is what it said; where
    `models` differs from that, it was changed since.
    """

    revision: int = 0
    models: Mapping[str, ModelSpec] = field(default_factory=dict)
    recipe: str = ""
    declared: Mapping[str, ModelSpec] = field(default_factory=dict)

    def drift(self) -> tuple[str, ...]:
        """The uids that the recipe declared and that are not, or no longer, as declared."""
        as_they_are = {
            uid: replace(spec, retired=(), attempt=0) for uid, spec in self.models.items()
        }
        return tuple(
            sorted(uid for uid, spec in self.declared.items() if as_they_are.get(uid) != spec)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedReplica:
    """The decision that one replica of a spec runs on one node, on these accelerator indices."""

    uid: str
    index: int
    node: str
    spec: ModelSpec
    devices: tuple[int, ...] = ()

    @property
    def replica_id(self) -> str:
        return names.replica_id(self.uid, self.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """All decisions. `refusals` says, by uid, why wanted replicas are not assigned.

    `waiting` does so where nothing is known to be wrong: a worker that has yet to join, or to
    report again, may bring what is missing. `reasons` has both, to compare by. `lost` are the nodes
    of replicas that were silent for too long, by name; what runs there may serve for all we know.
    """

    revision: int = 0
    replicas: tuple[AssignedReplica, ...] = ()
    refusals: Mapping[str, str] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, Reason] = field(default_factory=dict)
    lost: tuple[str, ...] = ()

    def of_node(self, node: str) -> tuple[AssignedReplica, ...]:
        """The replicas that one node should run."""
        return tuple(replica for replica in self.replicas if replica.node == node)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The last word of every known node, by name."""

    nodes: Mapping[str, NodeState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What one node should run: the reply to its report. Full, never a change."""

    node: str
    revision: int
    replicas: tuple[AssignedReplica, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a model, for people: `kind` is a short word."""

    uid: str
    at_s: float
    kind: str
    message: str
