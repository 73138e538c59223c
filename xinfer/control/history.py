"""What a plan changed, and as events for the people who ask what happened to a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from xinfer.domain.state import Assigned, AssignedReplica, Event


def settled(before: Assigned, after: Assigned) -> Assigned:
    """`after` with refusals in the words of `before` where they come to the same.

    What is free moves all the time; who watches what is assigned is not to be woken for it.
    """
    same = {
        uid
        for uid, reason in after.reasons.items()
        if (uid in before.refusals) == (uid in after.refusals)
        and reason.resembles(before.reasons.get(uid))
    }

    def worded(now: Mapping[str, str], then: Mapping[str, str]) -> dict[str, str]:
        return {uid: then.get(uid, words) if uid in same else words for uid, words in now.items()}

    return replace(
        after,
        refusals=worded(after.refusals, before.refusals),
        waiting=worded(after.waiting, before.waiting),
        reasons={
            uid: before.reasons[uid] if uid in same else reason
            for uid, reason in after.reasons.items()
        },
    )


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
