"""The talk with the supervisor: reports go out at once and regularly, assignments come in."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from xinfer.domain.node import NodeReport
from xinfer.domain.ports import SupervisorLink
from xinfer.domain.state import Assignment
from xinfer.errors import NotReady, XinferError
from xinfer.worker.assignments import Assignments

log = logging.getLogger("xinfer.worker")

_WATCH_S = 20.0
_COALESCE_S = 0.02
_BACKOFF_S = 0.1
_BACKOFF_MAX_S = 1.5
_PATIENCE = 5


class Dialogue:
    """Two threads on one link. `report` makes a report; `wake` turns the node's loop."""

    def __init__(
        self,
        link: SupervisorLink,
        assignments: Assignments,
        *,
        report: Callable[[], NodeReport],
        wake: Callable[[], None],
        interval_s: float,
    ) -> None:
        self._link = link
        self._assignments = assignments
        self._report = report
        self._wake = wake
        self._interval_s = interval_s
        self._news = threading.Event()
        self._closed = threading.Event()
        self._complaint = ""

    def start(self) -> None:
        for work in (self._tell, self._listen):
            threading.Thread(target=work, name=f"dialogue {work.__name__}", daemon=True).start()

    def stop(self) -> None:
        self._closed.set()
        self._news.set()

    def notify(self) -> None:
        """Something changed: report without waiting for the next time."""
        self._news.set()

    def _tell(self) -> None:
        failures = 0
        while not self._closed.is_set():
            self._news.clear()
            if self._ask(self._exchange, failures):
                failures = 0
                if self._news.wait(self._interval_s):
                    self._closed.wait(_COALESCE_S)
            else:
                failures += 1
                self._closed.wait(_pause_s(failures))

    def _listen(self) -> None:
        failures = 0
        while not self._closed.is_set():
            if self._ask(self._watch, failures):
                failures = 0
            else:
                failures += 1
                self._closed.wait(_pause_s(failures))

    def _exchange(self) -> Assignment:
        return self._link.report(self._report())

    def _watch(self) -> Assignment:
        return self._link.watch(self._assignments.revision, _WATCH_S)

    def _ask(self, question: Callable[[], Assignment], failures: int) -> bool:
        """Whether it was answered. Each trouble is said once, and not before it has lasted."""
        ticket = self._assignments.ticket()
        try:
            reply = question()
        except XinferError as error:
            lasting = failures >= _PATIENCE or not isinstance(error, NotReady)
            if lasting and str(error) != self._complaint:
                self._complaint = str(error)
                log.warning("%s What is assigned keeps running.", error)
            return False
        if self._complaint:
            self._complaint = ""
            log.info("The supervisor answers again.")
        if self._assignments.accept(reply, ticket):
            self._wake()
        return True


def _pause_s(failures: int) -> float:
    return min(_BACKOFF_MAX_S, _BACKOFF_S * 2.0 ** min(failures - 1, 10))
