"""Which of the waiting texts are computed together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one batch: `texts` at most, and `weight` (texts times the longest, in tokens)."""

    texts: int
    weight: int


def take(lengths: Sequence[int], limits: Limits) -> int:
    """How many of the waiting texts, from the front, make one batch; at least one if any waits.

    Padding makes every text of a batch as long as its longest, so that is what a batch weighs.
    """
    longest = 0
    for count, length in enumerate(lengths):
        longest = max(longest, length, 1)
        is_full = count >= limits.texts or longest * (count + 1) > limits.weight
        if count and is_full:
            return count
    return len(lengths)


def by_length(lengths: Sequence[int], parts: int) -> list[list[int]]:
    """The places of the texts in `parts` groups of like length, the longest first.

    Texts of one length waste nothing; a group of short ones is not padded to the longest of all.
    """
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    size = max(1, -(-len(order) // max(1, parts)))
    return [order[start : start + size] for start in range(0, len(order), size)]
