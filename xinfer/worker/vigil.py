"""Keeps asking one engine how it is, in the background, while its process lives."""

from __future__ import annotations

from dataclasses import replace

from xinfer.worker.gauges import measure
from xinfer.worker.journal import Folder, Order
from xinfer.worker.kit import Kit
from xinfer.worker.probe import Answer, Reply, ask
from xinfer.worker.task import Task

_FIRST_S = 0.05
_GROWTH = 1.3
_START_MAX_S = 1.0
_READY_S = 3.0
_UNWELL_S = 1.0
_START_TIMEOUT_S = 2.0
_READY_TIMEOUT_S = 10.0


class Vigil:
    """`ready`: the engine served already (it was adopted). Asked often at first, then less.

    `refusals` counts answers, without a good one in between, that say that an engine which served
    no longer does. Silence is not among them: an engine that is busy may be slow to answer.
    """

    def __init__(self, folder: Folder, order: Order, kit: Kit, *, address: str | None) -> None:
        self.address = address or (None if order.announces else f"{order.host}:{order.port}")
        self.ready = address is not None
        self.last: Reply | None = None
        self.refusals = 0
        self._folder = folder
        self._order = order
        self._kit = kit
        self._task: Task[Reply] | None = None
        self._next = 0.0
        self._pause_s = _FIRST_S
        self._unreachable_since: float | None = None

    def look(self) -> Reply | None:
        """The reply to a question that was answered since the last look, if any; never waits."""
        now = self._kit.monotonic()
        if self._task is not None:
            if not self._task.done:
                return None
            reply, self._task = self._task.result(), None
            self._take(reply, now)
            return reply
        if now >= self._next and self._find_address():
            self._task = Task(self._ask, self._kit.wake, f"probe {self._order.replica_id}")
        return None

    def unreachable_s(self) -> float:
        """For how long, without a break, nobody listened."""
        since = self._unreachable_since
        return self._kit.monotonic() - since if since is not None else 0.0

    def _ask(self) -> Reply:
        timeout_s = _READY_TIMEOUT_S if self.ready else _START_TIMEOUT_S
        address = self.address or ""
        reply = ask(address, self._order.ready_path, timeout_s)
        if reply.answer is not Answer.READY or not self._order.gauges:
            return reply
        return replace(reply, gauges=measure(address, self._order.gauges, _START_TIMEOUT_S))

    def _take(self, reply: Reply, now: float) -> None:
        self.last = reply
        self._count(reply.answer)
        self.ready = self.ready or reply.answer is Answer.READY
        if reply.answer is not Answer.UNREACHABLE:
            self._unreachable_since = None
        elif self._unreachable_since is None:
            self._unreachable_since = now
        self._pause_s = min(_START_MAX_S, self._pause_s * _GROWTH)
        calm_s = _UNWELL_S if self.refusals else _READY_S
        self._next = now + (calm_s if self.ready else self._pause_s)

    def _count(self, answer: Answer) -> None:
        if answer is Answer.READY:
            self.refusals = 0
        elif answer is Answer.LOADING and self.ready:
            self.refusals += 1

    def _find_address(self) -> bool:
        """An engine that binds its own port writes the address, whole, once it listens."""
        if self.address is None:
            try:
                said = self._folder.endpoint.read_text(encoding="utf-8").strip()
            except FileNotFoundError:
                return False
            if not said.rpartition(":")[2].isdigit():
                return False
            self.address = said
        return True
