"""The packages of managed environments: pinned lists, one per engine and accelerator."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CPU = "cpu"
_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One list. `without` names packages that others would bring along and must not; or None."""

    engine: str
    accelerator: str
    file: Path
    without: Path | None

    @property
    def name(self) -> str:
        """`<engine>-<accelerator>`, also the name of the environment's folder."""
        return f"{self.engine}-{self.accelerator}"

    def digest(self) -> str:
        """Twelve hex digits that change when an environment would be built differently."""
        parts = [self.file.read_bytes(), self.without.read_bytes() if self.without else b""]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]

    def packages(self) -> tuple[str, ...]:
        """The names of the packages that are pinned."""
        lines = self.file.read_text(encoding="utf-8").splitlines()
        return tuple(found[1] for line in lines if (found := _NAME.match(line.strip())))


class Requirements:
    """The lists in a folder: `<engine>-<accelerator>.txt`, and `.without.txt` beside some."""

    def __init__(self, folder: Path = Path(__file__).parent / "requirements") -> None:
        self._folder = folder

    def all(self) -> tuple[Requirement, ...]:
        """Every list, by name."""
        names = (path.name.removesuffix(".txt") for path in sorted(self._folder.glob("*.txt")))
        pairs = (name.rpartition("-") for name in names if not name.endswith(".without"))
        found = (self.get(engine, accelerator) for engine, _, accelerator in pairs)
        return tuple(each for each in found if each is not None)

    def get(self, engine: str, accelerator: str) -> Requirement | None:
        """The list of exactly that engine and accelerator; None when there is none."""
        file = self._folder / f"{engine}-{accelerator}.txt"
        without = file.with_name(f"{engine}-{accelerator}.without.txt")
        if not file.is_file():
            return None
        return Requirement(
            engine=engine,
            accelerator=accelerator,
            file=file,
            without=without if without.is_file() else None,
        )

    def choose(self, engine: str, wanted: Sequence[str]) -> Requirement | None:
        """The engine's list for the first of the `wanted` accelerators that has one."""
        found = (self.get(engine, accelerator) for accelerator in wanted)
        return next((each for each in found if each is not None), None)
