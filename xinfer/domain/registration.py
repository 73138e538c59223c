"""A model family that a user registered, as it was submitted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """`kind` and `name` identify it, `version` counts the registrations of that name from 1.

    `body` is the submitted JSON or YAML. `at_s` and `removed_s` are unix seconds; one that is in
    force has no `removed_s`.
    """

    kind: str
    name: str
    version: int
    body: str
    at_s: float
    removed_s: float | None = None
