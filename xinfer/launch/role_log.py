"""The log files of launcher and roles, kept from growing without end.

Every process of a role writes to one file; the launcher alone renames it, and the writers notice.
Standard library only, because the launcher stays small.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from xinfer.domain.home import Home

_MAX_BYTES = 10 * 1024 * 1024
_LOOK_S = 3.0
_ROTATED = ("supervisor", "worker", "ways")


def role_log(home: Home, role: str) -> Path:
    """The log file of a role."""
    return home.logs / f"{role}.log"


def rotate(home: Home, max_bytes: int = _MAX_BYTES) -> None:
    """Put aside what is larger than that, in the place of what was put aside before."""
    for role in _ROTATED:
        path = role_log(home, role)
        # On a full disk, or where there is no log yet, it stays as it is.
        with suppress(OSError):
            if path.stat().st_size > max_bytes:
                path.replace(path.with_suffix(".log.1"))


class Rotation:
    """Rotates now and then; `look` may be called at any rate."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._next = 0.0

    def look(self) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _LOOK_S
            rotate(self._home)
