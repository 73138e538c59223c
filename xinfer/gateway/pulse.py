"""A look, some times a second, at all waits for engines: does anybody still want the reply?"""

from __future__ import annotations

from typing import Protocol

import gevent

PERIOD_S = 0.25


class Wait(Protocol):
    """What is looked at."""

    def look(self) -> None:
        """Called every PERIOD_S. Must not block."""
        ...


class Pulse:
    """The waits of one process. It beats only while there are any.

    A timer of its own for every wait would cost a stream more than all else that is done for one of
    its events.
    """

    def __init__(self) -> None:
        self._waits: set[Wait] = set()
        self._beats = False

    def add(self, wait: Wait) -> None:
        """Look at it from now on."""
        self._waits.add(wait)
        if not self._beats:
            self._beats = True
            gevent.spawn(self._beat)

    def discard(self, wait: Wait) -> None:
        """Look at it no more; any number of times."""
        self._waits.discard(wait)

    def _beat(self) -> None:
        try:
            while self._waits:
                gevent.sleep(PERIOD_S)
                for wait in list(self._waits):
                    wait.look()
        finally:
            self._beats = False
