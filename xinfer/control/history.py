"""What a plan changed, as events for the people who ask what happened to a model."""

from __future__ import annotations

from collections.abc import Iterator

from xinfer.domain.state import Assigned, AssignedReplica, Event


def changes(
    before: Assigned, after: Assigned, lost: frozenset[str], now_s: float
) -> Iterator[Event]:
    """One event per replica that came, moved, was replaced or went, and per new refusal."""
    old = {replica.replica_id: replica for replica in before.replicas}
    new = {replica.replica_id: replica for replica in after.replicas}
    for name, replica in new.items():
        told = _arrival(name, old.get(name), replica, lost)
        if told is not None:
            yield Event(uid=replica.uid, at_s=now_s, kind=told[0], message=told[1])
    for name, replica in old.items():
        if name not in new:
            yield Event(uid=replica.uid, at_s=now_s, kind="dropped", message=f"{name} is dropped")
    for kind, now, then in (
        ("refused", after.refusals, before.refusals),
        ("waiting", after.waiting, before.waiting),
    ):
        for uid, reason in now.items():
            same = uid in then and before.reasons.get(uid) == after.reasons.get(uid)
            if not same:
                yield Event(uid=uid, at_s=now_s, kind=kind, message=reason)


def _arrival(
    name: str, old: AssignedReplica | None, new: AssignedReplica, lost: frozenset[str]
) -> tuple[str, str] | None:
    if old is None:
        return "assigned", f"{name} is assigned to node {new.node}"
    if old.node != new.node:
        why = f"node {old.node} is lost" if old.node in lost else f"away from node {old.node}"
        return "moved", f"{name} moves to node {new.node}: {why}"
    if old.spec.digest() != new.spec.digest():
        return "replaced", f"{name} is replaced by one of the changed model"
    return None
