"""What this node was told to run last, kept across restarts of the worker."""

from __future__ import annotations

import itertools
import logging
import threading
from pathlib import Path

import msgspec

from xinfer.domain.state import Assignment

log = logging.getLogger("xinfer.worker")


class Assignments:
    """Holds the newest assignment and its file. Safe to use from several threads.

    A ticket is drawn before each question to the supervisor. A reply with a lower revision is
    newer nevertheless (the store was set up anew) if it was asked for after the held one arrived.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._tickets = itertools.count(1)
        self._accepted_at = 0
        self._heard = False
        self._current = self._load()

    @property
    def current(self) -> Assignment | None:
        """None when nothing was ever assigned."""
        return self._current

    @property
    def heard(self) -> bool:
        """Whether the supervisor has spoken since this object was made."""
        return self._heard

    @property
    def revision(self) -> int:
        """The revision that is acted on; -1 when the supervisor has not spoken yet, so that a
        watch returns at once.
        """
        return self._current.revision if self._current is not None and self._heard else -1

    def ticket(self) -> int:
        """Draw one before asking the supervisor."""
        return next(self._tickets)

    def accept(self, assignment: Assignment, ticket: int) -> bool:
        """Take over a reply unless it is stale; True when what is assigned may have changed."""
        with self._lock:
            held = self._current
            newer = held is None or assignment.revision > held.revision
            if not newer and ticket < self._accepted_at:
                return False
            first, self._heard = not self._heard, True
            changed = assignment != held
            if changed:
                self._accepted_at = self.ticket()
                self._current = assignment
                self._save(assignment)
            return changed or first

    def _load(self) -> Assignment | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Assignment)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            log.warning("The kept assignment in %s is not readable: %s", self._path, error)
            return None

    def _save(self, assignment: Assignment) -> None:
        temporary = self._path.with_suffix(".tmp")
        try:
            temporary.write_bytes(msgspec.json.encode(assignment))
            temporary.replace(self._path)
        except OSError as error:
            # It is only needed to outlive the worker without a supervisor.
            log.warning("The assignment could not be kept in %s: %s", self._path, error)
