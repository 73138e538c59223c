"""A hub that stops half-way until it may go on, and workers in this process that fetch from it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xinfer.domain.download import Download, NodeFetching
from xinfer.domain.engine import Files
from xinfer.domain.model import Hub, Source
from xinfer.domain.node import Contact
from xinfer.domain.ports import FetchPlan, Transfer, Watcher
from xinfer.domain.replica import FileProgress
from xinfer.errors import Conflict, NotReady
from xinfer.worker.downloads import Downloads
from xinfer.worker.fetch import Fetches

HALF = Transfer(
    share=0.5,
    text="half",
    files=(FileProgress(name="a", done_bytes=5, total_bytes=10),),
    done_bytes=5,
    total_bytes=10,
)


def until(check: Callable[[], Any]) -> Any:
    """The first true value of `check()`."""
    deadline = time.monotonic() + 60
    while not (value := check()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return value


class HalfHub:
    """Fetches the half of everything, the rest when it may go; `fetches` counts."""

    def __init__(self, folder: Path) -> None:
        self.go = threading.Event()
        self.fetches = 0
        self.under_way = 0
        self.error: Exception | None = None
        self._folder = folder
        folder.mkdir()

    def plan(self, source: Source) -> FetchPlan:
        return FetchPlan(files=(), present=False)

    def fetch(self, source: Source, watcher: Watcher) -> Files:
        self.fetches += 1
        self.under_way += 1
        try:
            watcher.see(HALF)
            while not self.go.wait(0.01):
                if watcher.cancelled():
                    raise Conflict("cancelled")
            if self.error is not None:
                raise self.error
        finally:
            self.under_way -= 1
        (self._folder / "a").write_bytes(b"0123456789")
        return Files(root=self._folder)


class HalfWorkers:
    """Implements NodeDownloads: a worker at every address, all fetching from one hub.

    `room` is the free space of their caches by address; those in `away` do not answer.
    """

    def __init__(self, folder: Path) -> None:
        self.hub = HalfHub(folder / "files")
        self.room: dict[str, int] = {}
        self.away: set[str] = set()
        self.launches: tuple[Download, ...] = ()
        self._folder = folder
        self._lock = threading.Lock()
        self._workers: dict[str, Downloads] = {}

    def at(self, worker: Contact) -> NodeFetching:
        free = dict.fromkeys(Hub, self.room.get(worker.address, 0))
        return NodeFetching(downloads=(*self._of(worker).all(), *self.launches), free_bytes=free)

    def begin(self, worker: Contact, order: Download) -> Download:
        return self._of(worker).begin(order)

    def change(self, worker: Contact, download_id: str, verb: str) -> Download:
        changed: Download = getattr(self._of(worker), verb)(download_id)
        return changed

    def _of(self, worker: Contact) -> Downloads:
        address = worker.address
        if address in self.away:
            raise NotReady(f"The worker at {address} does not answer.")
        with self._lock:
            if address not in self._workers:
                hubs = dict.fromkeys(Hub, self.hub)
                path = self._folder / f"{address}.json"
                self._workers[address] = Downloads(Fetches(hubs), path)
            return self._workers[address]
