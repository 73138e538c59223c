"""Which replicas of one model go and how many come next, so that service never dips on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xinfer.domain.state import AssignedReplica

_SURGE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An assigned replica as it stands.

    `current`: it is what the spec asks for; if not, it is to be replaced. `ready`: its node says
    that it serves. `lost`: its node is silent for too long, while others speak. `retired`: somebody
    asked for the end of this very replica.
    """

    replica: AssignedReplica
    current: bool
    ready: bool
    lost: bool
    retired: bool = False


def dropped(wanted: int, held: Sequence[Held]) -> list[Held]:
    """Those to give up now.

    Retired ones in any case. Of the current ones what is too many: lost before not ready before
    ready, high indices first. Of the old ones whatever does not serve, and the rest only while
    enough others are ready. What is still more than one above `wanted`, as after a smaller count
    in the middle of a roll-over, are current ones that do not serve yet.
    """
    gone = [one for one in held if one.retired]
    current = sorted((one for one in held if one.current and not one.retired), key=_least_useful)
    gone += current[: max(0, len(current) - wanted)]
    old = [one for one in held if not one.current and not one.retired]
    gone += [one for one in old if not one.ready]
    serving = sum(one.ready for one in held if one not in gone)
    spare = max(0, serving - wanted)
    gone += sorted((one for one in old if one.ready), key=_least_useful)[:spare]
    surplus = max(0, len(held) - len(gone) - wanted - _SURGE)
    coming = [one for one in current if not one.ready and one not in gone]
    return gone + coming[:surplus]


def missing(wanted: int, held: Sequence[Held]) -> int:
    """How many current replicas to add now: never more than one above `wanted` in all."""
    current = sum(one.current for one in held)
    return max(0, min(wanted - current, wanted + _SURGE - len(held)))


def sacrifices(held: Sequence[Held]) -> list[Held]:
    """Old replicas that may be given up to make room for a new one, the least useful first.

    None while a current one is still on its way: it may free an old one by itself, and if it never
    gets ready the old ones must go on serving.
    """
    if any(one.current and not one.ready for one in held):
        return []
    return sorted((one for one in held if not one.current), key=_least_useful)


def _least_useful(one: Held) -> tuple[bool, bool, int]:
    return (not one.lost, one.ready, -one.replica.index)
