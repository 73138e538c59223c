"""Nodes report and get their assignment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import xinfer
from xinfer.domain.node import NodeReport
from xinfer.domain.ports import AssignedStore, EventStore, ObservedStore
from xinfer.domain.replica import Phase
from xinfer.domain.state import Assignment, Event, Observed
from xinfer.errors import Conflict
from xinfer.services.models import Wait


class Reports:
    """`stamp`, `wait` and `changed` as for Models."""

    def __init__(
        self,
        *,
        assigned: AssignedStore,
        observed: ObservedStore,
        events: EventStore,
        stamp: Callable[[], int],
        wait: Wait,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._assigned = assigned
        self._observed = observed
        self._events = events
        self._stamp = stamp
        self._wait = wait
        self._changed = changed
        self._clock = clock

    def report(self, report: NodeReport) -> Assignment:
        """Keep a report and answer with all that its node should run.

        Raises Conflict when the node runs another version of xinfer.
        """
        _check_version(report)
        now = self._clock()
        before = self._observed.observed()
        if self._observed.record(report, now):
            self._events.append(_news(before, report, now))
            self._changed()
        return self.assignment(report.node)

    def assignment(self, node: str) -> Assignment:
        """All that a node should run. The revision is that of the whole assigned state."""
        assigned = self._assigned.assigned()
        return Assignment(node=node, revision=assigned.revision, replicas=assigned.of_node(node))

    def watch(self, node: str, revision: int, wait_s: float) -> Assignment:
        """The assignment as soon as its revision is not `revision`, or after `wait_s`."""
        deadline = self._clock() + wait_s
        while True:
            stamp = self._stamp()
            current = self.assignment(node)
            left_s = deadline - self._clock()
            if current.revision != revision or left_s <= 0 or not self._wait(stamp, left_s):
                return current


def _check_version(report: NodeReport) -> None:
    ours = xinfer.__version__.split(".")[:2]
    if report.version.split(".")[:2] != ours:
        raise Conflict(
            f"Node '{report.node}' runs xinfer {report.version}, the supervisor"
            f" {xinfer.__version__}.",
            "Install the same version on both.",
        )


def _news(before: Observed, report: NodeReport, now: float) -> Iterator[Event]:
    """What the report says that the one before did not, for the history of each model."""
    kept = before.nodes.get(report.node)
    known = {each.replica_id: each for each in kept.report.replicas} if kept else {}
    for replica in report.replicas:
        old = known.get(replica.replica_id)
        if old is not None and old.phase is replica.phase and old.failures == replica.failures:
            continue
        message = f"{replica.replica_id} is {replica.phase}"
        if replica.phase is Phase.FAILED and replica.cause is not None:
            message = f"{replica.replica_id} failed: {replica.cause.summary}"
        yield Event(uid=replica.uid, at_s=now, kind=str(replica.phase), message=message)
