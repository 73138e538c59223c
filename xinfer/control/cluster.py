"""The cluster's loop step: hold the lease, read three states, plan, write. Store in, store out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from xinfer.domain.fleet import Policy, fleet
from xinfer.domain.plan import plan
from xinfer.domain.ports import AssignedStore, DesiredStore, EventStore, Lease, ObservedStore
from xinfer.domain.state import Assigned, Event
from xinfer.errors import Conflict

log = logging.getLogger("xinfer.control")

LEASE_TTL_S = 5.0


class ClusterControl:
    """`step()` is one look at the cluster by a process that may hold the lease.

    `desired`, `assigned`, `observed` and `events` are usually one store. `holder` names this
    process; `clock` gives unix seconds. A silence of nodes from before this process existed is not
    held against them.
    """

    def __init__(
        self,
        holder: str,
        *,
        desired: DesiredStore,
        assigned: AssignedStore,
        observed: ObservedStore,
        events: EventStore,
        node_grace_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._holder = holder
        self._desired = desired
        self._assigned = assigned
        self._observed = observed
        self._events = events
        self._node_grace_s = node_grace_s
        self._clock = clock
        self._lease: Lease | None = None
        self._renew_at_s = 0.0
        self._listening_since_s = clock()

    def step(self) -> None:
        """Plan once if the lease is ours. Raises StoreFailed when the store does."""
        lease = self._held()
        if lease is None:
            return
        now = self._clock()
        before = self._assigned.assigned()
        observed = self._observed.observed()
        desired = self._desired.desired()
        policy = Policy(node_grace_s=self._node_grace_s, listening_since_s=self._listening_since_s)
        after = plan(desired, before, observed, now, policy)
        if after == before:
            return
        try:
            self._assigned.write_assigned(after, expected=before.revision, lease=lease)
        except Conflict as conflict:
            # Another process planned meanwhile; the lease decides who goes on, at the next step.
            log.info("The plan was not written: %s", conflict)
            self._renew_at_s = 0.0
            return
        lost = fleet(observed, now, policy).lost
        self._events.append(_differences(before, after, lost, now))

    def release(self) -> None:
        """Let another process plan at once."""
        if self._lease is not None:
            self._assigned.release(self._lease)
            self._lease = None

    def _held(self) -> Lease | None:
        now = self._clock()
        if self._lease is None or now >= self._renew_at_s:
            self._lease = self._assigned.acquire(self._holder, LEASE_TTL_S)
            self._renew_at_s = now + LEASE_TTL_S / 3
        return self._lease


def _differences(
    before: Assigned, after: Assigned, lost: frozenset[str], now: float
) -> Iterator[Event]:
    old = {replica.replica_id: replica for replica in before.replicas}
    new = {replica.replica_id: replica for replica in after.replicas}
    for name, replica in new.items():
        if name not in old:
            yield Event(
                uid=replica.uid, at_s=now, kind="assigned", message=f"{name} to node {replica.node}"
            )
    for name, replica in old.items():
        if name not in new:
            why = f"node {replica.node} is lost" if replica.node in lost else "not wanted any more"
            yield Event(uid=replica.uid, at_s=now, kind="unassigned", message=f"{name}: {why}")
    for uid, reason in after.refusals.items():
        if before.refusals.get(uid) != reason:
            yield Event(uid=uid, at_s=now, kind="refused", message=reason)
