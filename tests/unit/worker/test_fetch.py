"""One flight per source, shared by all who wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from xinfer.domain.engine import Files
from xinfer.domain.model import Hub, Source
from xinfer.domain.ports import FetchPlan
from xinfer.errors import Invalid, NotFound
from xinfer.worker.fetch import Fetches

SOURCE = Source(hub=Hub.PATH, ref="/m")


class SlowHub:
    def __init__(self, error: Exception | None = None) -> None:
        self.go = threading.Event()
        self.fetches = 0
        self._error = error

    def plan(self, source: Source) -> FetchPlan:
        return FetchPlan(files=(), present=False)

    def fetch(self, source: Source, progress: Callable[[float, str], None]) -> Files:
        self.fetches += 1
        progress(0.5, "half")
        self.go.wait(10)
        if self._error is not None:
            raise self._error
        return Files(root=Path(source.ref))


def test_two_replicas_share_one_download() -> None:
    hub = SlowHub()
    fetches = Fetches({Hub.PATH: hub})
    found: list[Files] = []
    halves = threading.Semaphore(0)
    threads = [
        threading.Thread(
            target=lambda: found.append(
                fetches.fetch(SOURCE, lambda share, _: share == 0.5 and halves.release())
            )
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert halves.acquire(timeout=10)
    hub.go.set()
    for thread in threads:
        thread.join(10)
    assert hub.fetches == 1
    assert found == [Files(root=Path("/m"))] * 2
    fetches.fetch(SOURCE, lambda *_: None)
    assert hub.fetches == 2


def test_what_the_hub_raises_arrives() -> None:
    hub = SlowHub(NotFound("There is no such repository."))
    hub.go.set()
    with pytest.raises(NotFound, match="no such repository"):
        Fetches({Hub.PATH: hub}).fetch(SOURCE, lambda *_: None)
    with pytest.raises(Invalid, match="no hub 'path'"):
        Fetches({}).fetch(SOURCE, lambda *_: None)
