"""Why a wanted replica is not assigned: in words for people, and as values to compare by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_SLIGHT_BYTES = 256 * 2**20
_SLIGHT_PART = 20


class Lack(StrEnum):
    """What can be missing. NOBODY_YET and NOBODY_NOW: no worker has joined, or speaks. SIZE and
    IDLE: accelerators as large, or as unused, as is asked for.
    """

    NOBODY_YET = "nobody yet"
    NOBODY_NOW = "nobody now"
    NODE = "node"
    LABEL = "label"
    ACCELERATOR = "accelerator"
    SIZE = "size"
    IDLE = "idle"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """What one node lacks. `subject` says which of its kind, `free_bytes` what memory there is."""

    lack: Lack
    subject: str = ""
    free_bytes: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Two are equal when the same is missing in the same places, whatever the amounts.

    `shortages` are by node; the name "" stands for the whole cluster. `lost` is the node that a
    replica ought to leave, `asked` what is wanted beside memory.
    """

    shortages: Mapping[str, Shortage] = field(default_factory=dict)
    lost: str = ""
    asked: str = ""
    needed_bytes: int | None = field(default=None, compare=False)

    def resembles(self, other: Reason | None) -> bool:
        """Whether it is equal, and the amounts differ too little to be worth telling."""
        if other is None or self != other:
            return False
        slight = max(_SLIGHT_BYTES, (self.needed_bytes or 0) // _SLIGHT_PART)
        pairs = [(self.needed_bytes, other.needed_bytes)]
        pairs += [
            (one.free_bytes, other.shortages[node].free_bytes)
            for node, one in self.shortages.items()
        ]
        return all(
            mine == theirs
            or (mine is not None and theirs is not None and abs(mine - theirs) <= slight)
            for mine, theirs in pairs
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """No, and why."""

    message: str
    reason: Reason
