"""The cluster's loop step: hold the lease, read three states, plan, write. Store in, store out."""

from __future__ import annotations

import logging
from collections.abc import Callable

from xinfer.control.history import changes, settled
from xinfer.domain.fleet import Fleet, Policy, fleet
from xinfer.domain.plan import plan
from xinfer.domain.ports import AssignedStore, DesiredStore, EventStore, Lease, ObservedStore
from xinfer.domain.state import Assigned, Desired, Observed
from xinfer.errors import Conflict

log = logging.getLogger("xinfer.control")

LEASE_TTL_S = 5.0
_FORGET_S = 24 * 3600.0
_DEAF_S = 5.0
"""Between two steps so much time passes only when the process was stopped."""


class ClusterControl:
    """`step()` is one look at the cluster by a process that may hold the lease.

    `desired`, `assigned`, `observed` and `events` are usually one store. `holder` names this
    process; `clock` gives unix seconds; `weighed` fills in what memory models need where that is
    not said; `advised` adds to refusals what would fit. A silence of nodes that falls into a time
    when nobody could hear them (before this process began, while it was stopped, or while no node
    at all was heard) is not held against them.
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
        named: frozenset[str] = frozenset(),
        weighed: Callable[[Desired, Observed], Desired] = lambda desired, _observed: desired,
        advised: Callable[[Desired, Assigned, Observed], Assigned] = lambda _desired, made, _seen: (
            made
        ),
    ) -> None:
        self._holder = holder
        self._desired = desired
        self._assigned = assigned
        self._observed = observed
        self._events = events
        self._node_grace_s = node_grace_s
        self._named = named
        self._clock = clock
        self._weighed = weighed
        self._advised = advised
        self._lease: Lease | None = None
        self._renew_at_s = 0.0
        self._listening_since_s = clock()
        self._looked_at_s = clock()
        self._lost: frozenset[str] = frozenset()

    def step(self) -> None:
        """Plan once if the lease is ours. Raises StoreFailed when the store does."""
        now_s = self._clock()
        lease = self._held(now_s)
        observed = self._observed.observed()
        seen = self._judge(observed, now_s)
        if lease is None:
            return
        before = self._assigned.assigned()
        desired = self._weighed(self._desired.desired(), observed)
        planned = plan(desired, before, observed, now_s, self._policy())
        after = settled(before, self._advised(desired, planned, observed))
        if after != before:
            self._write(before, after, lease, seen, now_s)
        self._forget(after, observed, seen, now_s)

    def release(self) -> None:
        """Let another process plan at once."""
        lease, self._lease = self._lease, None
        if lease is not None:
            self._assigned.release(lease)

    def _held(self, now_s: float) -> Lease | None:
        if self._lease is None or now_s >= self._renew_at_s:
            had = self._lease
            self._lease = self._assigned.acquire(self._holder, LEASE_TTL_S)
            self._renew_at_s = now_s + LEASE_TTL_S / 3
            if self._lease != had:
                log.info("%s", "Planning is ours." if self._lease else "Another process plans.")
        return self._lease

    def _policy(self) -> Policy:
        return Policy(
            node_grace_s=self._node_grace_s,
            listening_since_s=self._listening_since_s,
            named=self._named,
        )

    def _judge(self, observed: Observed, now_s: float) -> Fleet:
        """Who speaks and who is lost; told in the log when it changes."""
        deaf = now_s - self._looked_at_s > max(_DEAF_S, self._node_grace_s / 2)
        self._looked_at_s = now_s
        if deaf or not fleet(observed, now_s, self._policy()).live:
            self._listening_since_s = now_s
        seen = fleet(observed, now_s, self._policy())
        for name in sorted(seen.lost - self._lost):
            log.warning("Node %s is lost: silent for %.0f s.", name, self._node_grace_s)
        for name in sorted(self._lost - seen.lost):
            log.info("Node %s is not lost any more.", name)
        self._lost = seen.lost
        return seen

    def _write(
        self, before: Assigned, after: Assigned, lease: Lease, seen: Fleet, now_s: float
    ) -> None:
        try:
            self._assigned.write_assigned(after, expected=before.revision, lease=lease)
        except Conflict as conflict:
            # Another process planned meanwhile; the lease decides who goes on, at the next step.
            log.info("The plan was not written: %s", conflict)
            self._lease = None
            return
        self._events.append(changes(before, after, seen.lost, now_s))

    def _forget(self, after: Assigned, observed: Observed, seen: Fleet, now_s: float) -> None:
        """Nodes that were lost long ago and run nothing leave the list."""
        for name in seen.lost:
            silent_s = now_s - observed.nodes[name].seen_at_s
            if silent_s > _FORGET_S and not after.of_node(name):
                log.info("Node %s is forgotten after a day of silence.", name)
                self._observed.forget(name)
