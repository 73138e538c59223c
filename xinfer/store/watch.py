"""Learn that the store changed, whichever process changed it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from xinfer.domain.ports import Changes
from xinfer.errors import StoreFailed

log = logging.getLogger("xinfer.store")


class Watch:
    """Polls the store's stamp and wakes whoever waits. One per process.

    `interval_s` bounds how late a change by another process is noticed; one by this process is
    noticed at once when `look()` is called after it.
    """

    def __init__(self, changes: Changes, *, interval_s: float = 0.1) -> None:
        self._changes = changes
        self._interval_s = interval_s
        self._condition = threading.Condition()
        self._stamp = -1
        self._listeners: list[Callable[[], None]] = []
        self._stopping = False

    @property
    def stamp(self) -> int:
        """The stamp that was seen last; pass it to `wait`."""
        return self._stamp

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change; it must return quickly and not raise."""
        self._listeners.append(listener)

    def look(self) -> None:
        """Compare now. Raises StoreFailed when the store cannot be read."""
        stamp = self._changes.stamp()
        if stamp == self._stamp:
            return
        with self._condition:
            self._stamp = stamp
            self._condition.notify_all()
        for listener in self._listeners:
            listener()

    def wait(self, seen: int, timeout_s: float) -> bool:
        """Until the stamp differs from `seen`; False after `timeout_s`, or when we stop."""
        with self._condition:
            self._condition.wait_for(lambda: self._stamp != seen or self._stopping, timeout_s)
            return self._stamp != seen

    def stop(self) -> None:
        """End all waits and the watching."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()

    def run(self) -> None:
        """Look until `stop`."""
        complaint = ""
        while not self._stopping:
            try:
                self.look()
                complaint = ""
            except StoreFailed as error:
                if complaint != str(error):
                    log.error("The store cannot be watched: %s", error)
                complaint = str(error)
            except Exception:
                # Without the watch the whole process would be deaf.
                log.exception("A listener failed.")
            time.sleep(self._interval_s)
