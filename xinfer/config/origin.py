"""Which file and line, override or variable set a value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class OriginKind(StrEnum):
    """What a value came from; later ones win over earlier ones."""

    DEFAULT = "default"
    CONF = "conf"
    RECIPE = "recipe"
    ENVIRONMENT = "environment"
    COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """`place` is for people (`recipes/chat.yaml:7`). Relative paths are relative to `folder`."""

    kind: OriginKind
    place: str
    folder: Path | None = None


DEFAULT = Origin(kind=OriginKind.DEFAULT, place="default")


class Origins:
    """The origin of every key that was set, by dotted key."""

    def __init__(self) -> None:
        self._by_key: dict[str, Origin] = {}

    def update(self, origins: Mapping[str, Origin]) -> None:
        """Note that a later layer set these keys."""
        self._by_key.update(origins)

    def forget(self, key: str) -> None:
        """A key and all below it are back at their defaults."""
        below = (f"{key}.", f"{key}[")
        self._by_key = {
            name: origin
            for name, origin in self._by_key.items()
            if name != key and not name.startswith(below)
        }

    def of(self, key: str) -> Origin:
        """What set this very key."""
        return self._by_key.get(key, DEFAULT)

    def nearest(self, key: str) -> Origin:
        """What set this key or else the closest mapping around it: the place to look at."""
        while key:
            if key in self._by_key:
                return self._by_key[key]
            key = key[: max(key.rfind("."), key.rfind("["), 0)]
        return DEFAULT

    def locate(self, key: str, path: str) -> Path:
        """The value of `key` as an absolute path: relative to its file, or the current folder."""
        given = Path(path).expanduser()
        folder = self.nearest(key).folder or Path.cwd()
        return given if given.is_absolute() else Path(os.path.normpath(folder / given))

    def any_below(self, key: str) -> bool:
        """Whether this key or anything below it was set."""
        below = (f"{key}.", f"{key}[")
        return any(name == key or name.startswith(below) for name in self._by_key)
