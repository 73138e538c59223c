"""What a node's report says that its last one did not, as events of its models."""

from __future__ import annotations

from collections.abc import Iterator

from xinfer.domain.node import NodeReport
from xinfer.domain.replica import Phase, PhaseMark, ReplicaStatus
from xinfer.domain.state import Event


def news(before: NodeReport | None, report: NodeReport, now_s: float) -> Iterator[Event]:
    """Every phase that began since, also those that were over before the report; every end."""
    known = {each.replica_id: each for each in before.replicas} if before is not None else {}
    for replica in report.replicas:
        yield from _of_replica(known.pop(replica.replica_id, None), replica, now_s)
    for gone in known.values():
        message = f"{gone.replica_id} has ended on node {report.node}"
        yield Event(uid=gone.uid, at_s=now_s, kind="ended", message=message)


def _of_replica(old: ReplicaStatus | None, new: ReplicaStatus, now_s: float) -> Iterator[Event]:
    told = set(old.timeline) if old is not None else set()
    previous: PhaseMark | None = None
    for mark in new.timeline:
        if mark not in told:
            yield _event(new, mark, previous)
        previous = mark
    moved = old is None or old.phase is not new.phase
    if moved and (previous is None or previous.phase is not new.phase):
        yield _event(new, PhaseMark(phase=new.phase, at_s=now_s), previous)


def _event(replica: ReplicaStatus, mark: PhaseMark, previous: PhaseMark | None) -> Event:
    message = f"{replica.replica_id}: {mark.phase}"
    if previous is not None:
        message += f" after {max(0.0, mark.at_s - previous.at_s):.1f} s of {previous.phase}"
    if mark.phase is Phase.FAILED and replica.cause is not None:
        message += f", {replica.cause.summary}"
    return Event(uid=replica.uid, at_s=mark.at_s, kind=str(mark.phase), message=message)
