"""How many replicas of a model to add and which to drop next, so that service never dips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xinfer.domain.model import ModelSpec
from xinfer.domain.state import AssignedReplica

_SURGE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`drop`: indices to give up now. `add`: replicas of the new spec to place now.

    `sacrifice`: the index to give up if there is no room for any added one (None = there is none).
    """

    add: int
    drop: frozenset[int]
    sacrifice: int | None = None


def next_step(spec: ModelSpec, own: Sequence[AssignedReplica], ready: frozenset[int]) -> Step:
    """The next move of one model towards `spec.replicas` replicas of exactly `spec`.

    Old replicas serve until as many new ones are ready; at most one replica more than wanted
    exists at a time. Not-ready ones are dropped before ready ones, higher indices before lower.
    """
    digest = spec.digest()
    fresh = [replica.index for replica in own if replica.spec.digest() == digest]
    stale = [replica.index for replica in own if replica.spec.digest() != digest]
    drop = set(_least_useful(fresh, ready, len(fresh) - spec.replicas))
    serving = sum(index in ready for index in (*fresh, *stale) if index not in drop)
    # An old replica that does not serve helps nobody; one that does is spared while it is needed.
    spare = max(0, serving - spec.replicas)
    idle = [index for index in stale if index not in ready]
    busy = [index for index in stale if index in ready]
    drop.update(idle, sorted(busy, reverse=True)[:spare])
    fresh_left = len([index for index in fresh if index not in drop])
    stale_left = sorted(index for index in stale if index not in drop)
    room = spec.replicas + (_SURGE if stale_left else 0) - fresh_left - len(stale_left)
    add = max(0, min(room, spec.replicas - fresh_left))
    return Step(add=add, drop=frozenset(drop), sacrifice=stale_left[-1] if stale_left else None)


def _least_useful(indices: Sequence[int], ready: frozenset[int], count: int) -> list[int]:
    ranked = sorted(indices, key=lambda index: (index in ready, -index))
    return ranked[: max(0, count)]
