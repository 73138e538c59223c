"""Model files that a node keeps, as it tells of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedModel:
    """All that one cache of one node keeps of one repository or package.

    `files` are their names beneath `path`, `size_bytes` what all takes on disk, `used_s` the unix
    time of the last use, as far as the file system notes it.
    """

    hub: str
    ref: str
    path: str
    files: tuple[str, ...]
    size_bytes: int
    used_s: float
