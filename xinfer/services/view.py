"""One consistent look at the three states, and what a person may read from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xinfer.domain.model import ModelSpec
from xinfer.domain.names import did_you_mean
from xinfer.domain.ports import AssignedStore, DesiredStore, ObservedStore
from xinfer.domain.replica import ReplicaStatus
from xinfer.domain.routing import Route, routes
from xinfer.domain.state import Assigned, AssignedReplica, Desired, Observed
from xinfer.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaView:
    """An assigned replica and what its node last said of it (None = nothing yet)."""

    assigned: AssignedReplica
    status: ReplicaStatus | None
    node_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Desired, assigned and observed as read in one go."""

    desired: Desired
    assigned: Assigned
    observed: Observed

    def spec(self, uid: str) -> ModelSpec:
        """Raises NotFound with the nearest uid."""
        spec = self.desired.models.get(uid)
        if spec is None:
            raise NotFound(f"There is no model '{uid}'.", did_you_mean(uid, self.desired.models))
        return spec

    def routes(self) -> dict[str, Route]:
        """What the gateway would do with each uid."""
        return routes(self.desired, self.assigned, self.observed)

    def replicas(self, uid: str) -> tuple[ReplicaView, ...]:
        """The replicas of a model in the order of their indices."""
        found = []
        for replica in self.assigned.replicas:
            if replica.uid != uid:
                continue
            state = self.observed.nodes.get(replica.node)
            statuses = state.report.replicas if state else ()
            status = next((s for s in statuses if s.replica_id == replica.replica_id), None)
            address = state.report.address if state else ""
            found.append(ReplicaView(assigned=replica, status=status, node_address=address))
        return tuple(found)


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
