"""How an engine's server wants to hear what requests say in the words of Xinference's clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xinfer.domain.model import JsonValue

Guide = Callable[[JsonValue], Mapping[str, JsonValue]]
"""What a reply is bound to, as fields of a request. Raises Invalid for what cannot bind it."""

Gather = Callable[[Mapping[str, JsonValue], Mapping[str, JsonValue]], Mapping[str, JsonValue]]
"""Fields of a request out of those that are gathered, and all others, undecoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The words of one engine; requests to an engine that has no dialect pass as they are.

    `names`: keys that it knows by another name. `unknown`: keys that it refuses, and that say
    nothing about the text. `gathered`: keys that it knows by one key only, which `gather` makes of
    them and of what else was sent. `guides`, by what a reply is bound to ("json", "json_object",
    "regex", "choice", "grammar"): those that there are not it cannot keep to. `adapter`: the key
    that names a LoRA adapter; empty if requests cannot choose one. `unheeded`: keys of a request
    for vectors that it would pass over, and answer with others than were asked for. `unstreamed`:
    keys that it heeds in whole replies only.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    gathered: frozenset[str] = frozenset()
    gather: Gather | None = None
    guides: Mapping[str, Guide] = field(default_factory=dict)
    adapter: str = ""
    unheeded: frozenset[str] = frozenset({"return_sparse"})
    unstreamed: frozenset[str] = frozenset()
