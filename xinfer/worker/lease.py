"""This worker's hold on its node folder: alone in it, and alive for the shims to see."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time

from xinfer.domain.home import Home
from xinfer.errors import Conflict

log = logging.getLogger("xinfer.worker")

_TOUCH_S = 1.0


class NodeLease:
    """`take` it before anything else; `release` ends the renewing, never the replicas.

    `patience_s`: how long to wait for a worker that is ending, or that has yet to notice that the
    process above it was killed.
    """

    def __init__(self, home: Home, *, patience_s: float) -> None:
        self._home = home
        self._patience_s = patience_s
        self._lock = -1
        self._closed = threading.Event()

    def take(self) -> None:
        """Lock the node folder and renew the lease from now on.

        Raises Conflict when another worker still holds it after `patience_s`.
        """
        self._home.run.mkdir(parents=True, exist_ok=True)
        path = self._home.run / "node.lock"
        self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + self._patience_s
        while not self._try_lock():
            if time.monotonic() > deadline:
                os.close(self._lock)
                raise Conflict(
                    f"Another worker runs the node in {self._home.root}.",
                    "Give this one a home folder of its own (XINFER_HOME), or stop the other.",
                )
            time.sleep(0.05)
        self.touch()
        threading.Thread(target=self._renew, name="node lease", daemon=True).start()

    def release(self) -> None:
        """Let the next worker in."""
        self._closed.set()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def touch(self) -> None:
        """Renew once. A full disk does not prevent it, since the file exists."""
        try:
            self._home.node_lease.touch()
        except OSError as error:
            log.error("The node's lease %s cannot be renewed: %s", self._home.node_lease, error)

    def _renew(self) -> None:
        while not self._closed.wait(_TOUCH_S):
            self.touch()

    def _try_lock(self) -> bool:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
