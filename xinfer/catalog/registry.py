"""All families by kind and name: the built-in ones and those that users registered."""

from __future__ import annotations

from collections.abc import Iterable

from xinfer.catalog.builtin import Builtin
from xinfer.catalog.family import Family, Kind
from xinfer.domain.names import did_you_mean
from xinfer.errors import NotFound


class Registry:
    """`custom` families come after the built-in ones and never hide them."""

    def __init__(self, builtin: Builtin, custom: Iterable[Family] = ()) -> None:
        self._builtin = builtin
        self._custom = tuple(custom)

    def families(self, kind: Kind) -> tuple[Family, ...]:
        """Each name once, sorted without regard to case."""
        named = {family.name: family for family in reversed(self._all(kind))}
        return tuple(sorted(named.values(), key=lambda family: family.name.lower()))

    def find(self, kind: Kind, name: str) -> Family:
        """The family of exactly that name. Raises NotFound with the nearest names.

        Several entries of one name (one per engine, as sound has them) are taken as one.
        """
        found = [family for family in self._all(kind) if family.name == name]
        if not found:
            names = [family.name for family in self._all(kind)]
            raise NotFound(
                f"The catalog has no {kind} model '{name}'.",
                f"{did_you_mean(name, names)} See `xinfer registrations -t {kind}`.",
            )
        return found[0]

    def kinds_of(self, name: str) -> tuple[Kind, ...]:
        """The kinds that have this name: a name is unique within its kind only."""
        return tuple(
            kind for kind in Kind if any(family.name == name for family in self._all(kind))
        )

    def _all(self, kind: Kind) -> tuple[Family, ...]:
        own = tuple(family for family in self._custom if family.kind is kind)
        return (*self._builtin.families(kind), *own)
