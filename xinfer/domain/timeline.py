"""How long each phase of a launch took."""

from __future__ import annotations

from dataclasses import dataclass

from xinfer.domain.replica import Phase, PhaseMark


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A phase with its start (unix seconds) and length; `seconds` None while it lasts."""

    phase: Phase
    started_s: float
    seconds: float | None


def spans(marks: tuple[PhaseMark, ...]) -> tuple[Span, ...]:
    """Turn the moments at which phases began into phases with lengths; the last one is open."""
    ends = [mark.at_s for mark in marks[1:]]
    closed = [
        Span(phase=mark.phase, started_s=mark.at_s, seconds=max(0.0, end - mark.at_s))
        for mark, end in zip(marks, ends, strict=False)
    ]
    last = [Span(phase=mark.phase, started_s=mark.at_s, seconds=None) for mark in marks[-1:]]
    return (*closed, *last)
