"""The families that ship with xinfer, read from the data beside this module when asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec

from xinfer.catalog.family import Family, Kind

_DATA = Path(__file__).parent / "data"


class Builtin:
    """Each kind is read once; all text models take some milliseconds."""

    def __init__(self, folder: Path = _DATA) -> None:
        self._folder = folder
        self._kinds: dict[Kind, tuple[Family, ...]] = {}

    def families(self, kind: Kind) -> tuple[Family, ...]:
        """All of a kind, in the order of the data, which is part of how a variant is chosen."""
        if kind not in self._kinds:
            raw = (self._folder / f"{kind.lower()}.json").read_bytes()
            found = msgspec.json.decode(raw, type=tuple[Family, ...])
            self._kinds[kind] = tuple(
                one if one.kind is kind else replace(one, kind=kind) for one in found
            )
        return self._kinds[kind]
