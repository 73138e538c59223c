"""The end of one running replica on request: drained, asked, and killed only when deaf."""

from __future__ import annotations

from xinfer.worker import connections, processes
from xinfer.worker.journal import Folder, Order
from xinfer.worker.kit import Kit

_LOOK_S = 0.2
_QUIET_LOOKS = 2
_SWEEP_S = 0.5
_DEAF_S = 15.0
"""How long beyond the engine's own grace a shim may take before it is killed itself."""


class Ending:
    """Call `step` until it says that nothing is left.

    `address` is where the engine serves; None skips draining, since then nobody is served.
    `drain_s` is how long its requests have to end.
    """

    def __init__(
        self, folder: Folder, order: Order, kit: Kit, *, address: str | None, drain_s: float
    ) -> None:
        self._folder = folder
        self._order = order
        self._kit = kit
        self._port = int(address.rpartition(":")[2]) if address else 0
        now = kit.monotonic()
        self._drain_until = now + drain_s if address else now
        self._next_look = now
        self._quiet = 0
        self._asked = False
        self._kill_at: float | None = None
        self.open = 0

    def step(self) -> bool:
        """One turn, without waiting; True once every process of the launch has ended."""
        if not self._folder.is_live():
            return not processes.sweep(self._folder, _SWEEP_S)
        now = self._kit.monotonic()
        if self._draining(now):
            return False
        if self._kill_at is None:
            self._kill_at = now + self._order.stop_grace_s + _DEAF_S
        if not self._asked:
            self._asked = processes.ask_to_stop(self._folder)
        if now > self._kill_at:
            processes.kill(self._folder)
        return False

    def _draining(self, now: float) -> bool:
        """Whether requests may still be answered: connections are open, and time is left.

        Quiet must be seen twice, for the request that was routed a moment before.
        """
        if now >= self._drain_until or self._quiet >= _QUIET_LOOKS:
            return False
        if now >= self._next_look:
            self._next_look = now + _LOOK_S
            record = self._folder.shim()
            pid = record.engine_pid if record else 0
            self.open = connections.established(self._port, pid)
            self._quiet = 0 if self.open else self._quiet + 1
        return self._quiet < _QUIET_LOOKS
