"""The seats of a replica, where several gateway processes of one machine have to share them."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class SharedSeats:
    """Each seat is a byte of the replica's file in `folder`, locked by the process that has it.

    The system itself gives back what a process held that ends, however it ends. Locks of this kind
    go when any descriptor of the file is closed, so each file stays open for good.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, int] = {}
        self._held: dict[str, set[int]] = {}

    def take(self, replica_id: str, limit: int) -> bool:
        """Take one of `limit` seats; False when all are taken, here or by other processes."""
        file, held = self._file(replica_id), self._held.setdefault(replica_id, set())
        for seat in range(limit):
            if seat in held:
                continue
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, seat)
            except (BlockingIOError, PermissionError):
                continue
            held.add(seat)
            return True
        return False

    def give_back(self, replica_id: str) -> None:
        """Free a seat that `take` gave; one is as good as another."""
        held = self._held.get(replica_id)
        if held:
            fcntl.lockf(self._files[replica_id], fcntl.LOCK_UN, 1, held.pop())

    def _file(self, replica_id: str) -> int:
        if replica_id not in self._files:
            path = self._folder / f"{replica_id}.seats"
            self._files[replica_id] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._files[replica_id]
