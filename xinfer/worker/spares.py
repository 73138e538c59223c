"""How many ways should lie idle at each process of the supervisor. Pure counting, no I/O."""

from __future__ import annotations

from dataclasses import dataclass

_KEEP = 4
_MOST = 64
"""Idle ways at one process: always, and at most when many calls wait there."""


@dataclass(slots=True)
class _Process:
    idle: int = 0
    waiting: int = 0

    @property
    def wanted(self) -> int:
        return min(_MOST, _KEEP + self.waiting)


class Spares:
    """Which process takes a new way is left to chance, so one that has enough may get it: it is
    then to be closed, and another opened.
    """

    def __init__(self) -> None:
        self._processes: dict[str, _Process] = {}
        self._count = 1

    def opened(self, name: str, count: int) -> bool:
        """A process, one of `count`, has a new way; False when it had enough."""
        self._count = max(1, count)
        # Made anew so that the latest is last.
        process = self._processes.pop(name, None) or _Process()
        self._processes[name] = process
        self._forget()
        if process.idle >= process.wanted:
            return False
        process.idle += 1
        return True

    def used(self, name: str, waiting: int) -> None:
        """A way of a process carries a call now; `waiting` more calls wait there for one."""
        process = self._processes.get(name)
        if process is not None:
            process.idle = max(0, process.idle - 1)
            process.waiting = waiting

    def lost(self, name: str) -> None:
        """An idle way has ended; with its last one the process may have, too."""
        process = self._processes.get(name)
        if process is not None:
            process.idle -= 1
            if process.idle <= 0:
                del self._processes[name]

    def missing(self) -> int:
        """How many are to be opened now."""
        known = sum(max(0, each.wanted - each.idle) for each in self._processes.values())
        return known + _KEEP * max(0, self._count - len(self._processes))

    def _forget(self) -> None:
        """Processes that have been replaced: the oldest that have no way any more."""
        for name, process in list(self._processes.items()):
            if len(self._processes) > self._count and process.idle <= 0:
                del self._processes[name]
