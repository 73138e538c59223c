"""The memory that replicas were seen to take, as one document."""

from __future__ import annotations

from collections.abc import Mapping

from xinfer.domain.measured import Measured
from xinfer.errors import Conflict
from xinfer.store.database import Database
from xinfer.store.rows import read_document, swap_document

_NAME = "measured"


class Measurements:
    """Implements MeasuredStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def measured(self) -> Measured:
        with self._database.read() as connection:
            return read_document(connection, _NAME, Measured)

    def learn(self, seen: Mapping[str, int]) -> None:
        before = self.measured()
        peaks = before.learned(seen)
        if peaks is None:
            return
        after = Measured(revision=before.revision + 1, peaks=peaks)
        try:
            with self._database.write() as connection:
                swap_document(connection, _NAME, before.revision, after)
        except Conflict:
            # Another process learned something in this moment; the next report tells again.
            return
