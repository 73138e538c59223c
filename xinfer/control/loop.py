"""A level-triggered loop: run a step, wait, run it again; failures only make it wait longer.

A step reads the whole state and makes the world match it, so a missed or doubled wake-up costs
nothing. What it is woken by carries no content.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger("xinfer.loop")


class Event(Protocol):
    """The part of `threading.Event` that the loop needs; gevent's own has it too."""

    def set(self) -> None: ...

    def clear(self) -> None: ...

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool: ...


class Loop:
    """Runs `step` every `interval_s` at the latest, earlier when woken, until stopped.

    `step` may return the seconds after which it wants to run again; longer than `interval_s` counts
    as `interval_s`. After a failure the pause starts at `backoff_s` and doubles up to
    `backoff_max_s`; wake-ups do not shorten it, so that a failing step cannot spin.
    """

    def __init__(
        self,
        step: Callable[[], float | None],
        *,
        name: str,
        interval_s: float,
        backoff_s: float = 0.1,
        backoff_max_s: float = 10.0,
        new_event: Callable[[], Event] = threading.Event,
    ) -> None:
        self._step = step
        self._name = name
        self._interval_s = interval_s
        self._backoff_s = backoff_s
        self._backoff_max_s = backoff_max_s
        self._woken = new_event()
        self._stopped = new_event()
        self._failures = 0
        self._complaint = ""

    def run(self) -> None:
        """Block until `stop`. Never raises what the step raises."""
        while not self._stopped.is_set():
            # Cleared before the step: what changes while it runs is seen by the next one.
            self._woken.clear()
            pause_s = self._turn()
            if self._stopped.is_set():
                return
            if self._failures:
                self._stopped.wait(pause_s)
            else:
                self._woken.wait(pause_s)

    def wake(self) -> None:
        """Run the step soon. Never blocks; may be called from anywhere, any number of times."""
        self._woken.set()

    def stop(self) -> None:
        """Let `run` return after the step that runs now, if one does."""
        self._stopped.set()
        self._woken.set()

    def _turn(self) -> float:
        """One step; the seconds to wait after it."""
        try:
            wanted_s = self._step()
        except Exception as error:  # noqa: BLE001 (a loop outlives every failure of its step)
            self._complain(error)
            pause_s = min(self._backoff_max_s, self._backoff_s * 2.0 ** min(self._failures, 30))
            self._failures += 1
            return pause_s
        if self._failures:
            log.info("%s: works again after %d failures.", self._name, self._failures)
        self._failures, self._complaint = 0, ""
        return self._interval_s if wanted_s is None else min(self._interval_s, max(0.0, wanted_s))

    def _complain(self, error: Exception) -> None:
        """The traceback once; while the same failure repeats, one line each time."""
        complaint = f"{type(error).__name__}: {error}"
        if complaint == self._complaint:
            log.warning("%s: failed again: %s", self._name, complaint)
        else:
            log.error("%s: failed: %s", self._name, complaint, exc_info=error)
        self._complaint = complaint
