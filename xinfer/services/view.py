"""One consistent look at the three states, and what a person may read from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from xinfer.domain.memory import Room
from xinfer.domain.model import ModelSpec
from xinfer.domain.names import did_you_mean
from xinfer.domain.node import Contact, Machine
from xinfer.domain.ports import AssignedStore, DesiredStore, ObservedStore
from xinfer.domain.replica import Phase, ReplicaStatus
from xinfer.domain.routing import Route, routes
from xinfer.domain.state import Assigned, AssignedReplica, Desired, Observed
from xinfer.errors import NotFound, NotReady


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaView:
    """An assigned replica and what its node last said of it (None = nothing yet).

    `contact` is None when the node is not known. `heeded`: what the node said came after it
    knew all that is assigned now. If not, the status may be of a process that it is about to end.
    `lost`: the node was silent for too long, so its last word may be true no more.
    """

    assigned: AssignedReplica
    status: ReplicaStatus | None
    contact: Contact | None
    heeded: bool = True
    lost: bool = False

    @property
    def node_address(self) -> str:
        """`host:port` of the node's worker; empty when it is not known."""
        return self.contact.address if self.contact is not None else ""

    @property
    def is_ready(self) -> bool:
        """Whether it serves what it is assigned to serve."""
        status = self.status
        return (
            status is not None
            and status.phase is Phase.READY
            and status.digest == self.assigned.spec.digest()
        )

    @property
    def is_refused(self) -> bool:
        """Whether its node has weighed it and has no room for it. It stays assigned, and waits."""
        return self.status is not None and bool(self.status.no_room)

    @property
    def rests(self) -> bool:
        """Whether it failed as often as it may and is not tried again."""
        status = self.status
        return (
            status is not None
            and status.phase is Phase.FAILED
            and status.retry_at_s is None
            and status.digest == self.assigned.spec.digest()
        )


class View:
    """Desired, assigned and observed as read in one go. Nothing in it changes."""

    def __init__(self, *, desired: Desired, assigned: Assigned, observed: Observed) -> None:
        self.desired = desired
        self.assigned = assigned
        self.observed = observed

    def spec(self, uid: str) -> ModelSpec:
        """Raises NotFound with the nearest uid."""
        spec = self.desired.models.get(uid)
        if spec is None:
            raise NotFound(f"There is no model '{uid}'.", did_you_mean(uid, self.desired.models))
        return spec

    def routes(self) -> dict[str, Route]:
        """What the gateway does with each uid."""
        return self._routes

    def replicas(self, uid: str) -> tuple[ReplicaView, ...]:
        """The replicas of a model in the order of their indices; none of an unknown one."""
        return tuple(self._replicas.get(uid, ()))

    def replica(self, uid: str, index: int | None) -> ReplicaView:
        """One replica, the first if `index` is None. Raises NotFound, and NotReady if the model
        has no such replica yet.
        """
        self.spec(uid)
        found = [one for one in self.replicas(uid) if index in (None, one.assigned.index)]
        if not found:
            which = "replica" if index is None else f"replica {index}"
            raise NotReady(f"Model '{uid}' has no {which} yet.", "See `xinfer status`.")
        return found[0]

    def machines(self) -> tuple[Machine, ...]:
        """Those of all known nodes."""
        return tuple(state.report.machine for state in self.observed.nodes.values())

    def rooms(self) -> dict[str, Room]:
        """Those machines by node, each with the replicas that are assigned to it."""
        return {
            name: Room(machine=state.report.machine, taken=self.assigned.of_node(name))
            for name, state in self.observed.nodes.items()
        }

    @cached_property
    def _routes(self) -> dict[str, Route]:
        return routes(self.desired, self.assigned, self.observed)

    @cached_property
    def _replicas(self) -> dict[str, list[ReplicaView]]:
        statuses = {
            (name, status.replica_id): status
            for name, state in self.observed.nodes.items()
            for status in state.report.replicas
        }
        found: dict[str, list[ReplicaView]] = {}
        for replica in sorted(self.assigned.replicas, key=lambda one: one.index):
            state = self.observed.nodes.get(replica.node)
            heeded = state is not None and state.report.assignment >= self.assigned.revision
            status = statuses.get((replica.node, replica.replica_id))
            entry = ReplicaView(
                assigned=replica,
                status=None if status is not None and self._is_left(status, heeded) else status,
                contact=state.report.contact if state is not None else None,
                heeded=heeded,
                lost=replica.node in self.assigned.lost,
            )
            found.setdefault(replica.uid, []).append(entry)
        return found

    def _is_left(self, status: ReplicaStatus, heeded: bool) -> bool:
        """Whether it tells of an earlier life: what is assigned now is not to end, and what is to
        be tried again has not failed.
        """
        spec = self.desired.models.get(status.uid)
        outdated = spec is not None and status.is_outdated(spec.attempt)
        ended = status.phase is Phase.DRAINING and not heeded
        return status.phase is Phase.STOPPED or ended or outdated


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Where views come from. The three stores are usually one."""

    desired: DesiredStore
    assigned: AssignedStore
    observed: ObservedStore

    def view(self) -> View:
        """Read now."""
        return View(
            desired=self.desired.desired(),
            assigned=self.assigned.assigned(),
            observed=self.observed.observed(),
        )


class CachedView:
    """A view that is read again only when `stamp()` has changed: for reads that are frequent."""

    def __init__(self, states: States, stamp: Callable[[], int]) -> None:
        self._states = states
        self._stamp = stamp
        self._kept: tuple[int, View] | None = None

    def __call__(self) -> View:
        stamp = self._stamp()
        if self._kept is None or self._kept[0] != stamp:
            self._kept = (stamp, self._states.view())
        return self._kept[1]
