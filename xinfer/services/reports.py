"""Nodes report and get their assignment."""

from __future__ import annotations

import time
from collections.abc import Callable

import xinfer
from xinfer.domain.measured import key_of
from xinfer.domain.node import NodeReport
from xinfer.domain.ports import AssignedStore, EventStore, MeasuredStore, ObservedStore
from xinfer.domain.replica import Phase
from xinfer.domain.state import Assigned, Assignment
from xinfer.errors import Conflict
from xinfer.services.models import Wait
from xinfer.services.news import news


class Reports:
    """`stamp`, `wait` and `changed` as for Models."""

    def __init__(
        self,
        *,
        assigned: AssignedStore,
        observed: ObservedStore,
        events: EventStore,
        measured: MeasuredStore,
        stamp: Callable[[], int],
        wait: Wait,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._assigned = assigned
        self._observed = observed
        self._events = events
        self._measured = measured
        self._stamp = stamp
        self._wait = wait
        self._changed = changed
        self._clock = clock
        self._peaks: dict[str, int] = {}

    def report(self, report: NodeReport) -> Assignment:
        """Keep a report and answer with all that its node should run.

        Raises Conflict when the node runs another version of xinfer.
        """
        _check_version(report)
        now_s = self._clock()
        before = self._observed.node(report.node)
        if self._observed.record(report, now_s):
            # A kill between the two loses some history, and nothing that anything acts upon.
            self._events.append(news(before.report if before else None, report, now_s))
            self._changed()
        assigned = self._assigned.assigned()
        self._learn(report, assigned)
        return _assignment(assigned, report.node)

    def assignment(self, node: str) -> Assignment:
        """All that a node should run. The revision is that of the whole assigned state."""
        return _assignment(self._assigned.assigned(), node)

    def watch(self, node: str, revision: int, wait_s: float) -> Assignment:
        """The assignment as soon as its revision is not `revision`, or after `wait_s`."""
        deadline = self._clock() + wait_s
        while True:
            stamp = self._stamp()
            current = self.assignment(node)
            left_s = deadline - self._clock()
            if current.revision != revision or left_s <= 0 or not self._wait(stamp, left_s):
                return current

    def _learn(self, report: NodeReport, assigned: Assigned) -> None:
        """Note what ready replicas take of main memory; on accelerators it says little."""
        taken = {
            status.replica_id: status.memory_bytes
            for status in report.replicas
            if status.phase is Phase.READY and status.memory_bytes
        }
        seen = {
            key_of(replica.spec): taken[replica.replica_id]
            for replica in assigned.of_node(report.node)
            if replica.replica_id in taken and not replica.devices
        }
        fresh = {key: peak for key, peak in seen.items() if peak > self._peaks.get(key, 0)}
        if fresh:
            self._measured.learn(fresh)
            self._peaks |= fresh


def _assignment(assigned: Assigned, node: str) -> Assignment:
    return Assignment(node=node, revision=assigned.revision, replicas=assigned.of_node(node))


def _check_version(report: NodeReport) -> None:
    """Same major and minor: those of one minor version understand each other."""
    if report.version.split(".")[:2] != xinfer.__version__.split(".")[:2]:
        raise Conflict(
            f"Node '{report.node}' runs xinfer {report.version}, the supervisor"
            f" {xinfer.__version__}.",
            "Install the same version on both.",
        )
