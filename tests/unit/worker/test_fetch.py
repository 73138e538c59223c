"""One flight per source, shared by all who wait."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.unit.watching import Watching
from xinfer.domain.engine import Files
from xinfer.domain.model import Hub, Source
from xinfer.domain.ports import FetchPlan, Transfer, Watcher
from xinfer.errors import Conflict, Invalid, NotFound
from xinfer.worker.fetch import Fetches

SOURCE = Source(hub=Hub.PATH, ref="/m")


class SlowHub:
    def __init__(self, error: Exception | None = None) -> None:
        self.go = threading.Event()
        self.fetches = 0
        self._error = error

    def plan(self, source: Source) -> FetchPlan:
        return FetchPlan(files=(), present=False)

    def fetch(self, source: Source, watcher: Watcher) -> Files:
        self.fetches += 1
        watcher.see(Transfer(share=0.5, text="half"))
        while not self.go.wait(0.01):
            if watcher.cancelled():
                raise Conflict("cancelled")
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
                fetches.fetch(SOURCE, Watching(lambda seen: seen.share == 0.5 and halves.release()))
            )
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert halves.acquire(timeout=60)
    hub.go.set()
    for thread in threads:
        thread.join(60)
    assert hub.fetches == 1
    assert found == [Files(root=Path("/m"))] * 2
    fetches.fetch(SOURCE, Watching())
    assert hub.fetches == 2


def test_what_the_hub_raises_arrives() -> None:
    hub = SlowHub(NotFound("There is no such repository."))
    hub.go.set()
    with pytest.raises(NotFound, match="no such repository"):
        Fetches({Hub.PATH: hub}).fetch(SOURCE, Watching())
    with pytest.raises(Invalid, match="no hub 'path'"):
        Fetches({}).fetch(SOURCE, Watching())


def test_a_flight_ends_when_the_last_who_waits_has_gone() -> None:
    hub = SlowHub()
    fetches = Fetches({Hub.PATH: hub})
    waited = threading.Event()
    stays, leaves = Watching(lambda _: waited.set()), Watching()
    leaves.gone = True
    found: list[Files] = []
    waits = threading.Thread(target=lambda: found.append(fetches.fetch(SOURCE, stays)))
    waits.start()
    assert waited.wait(60)
    with pytest.raises(Conflict, match="cancelled"):
        fetches.fetch(SOURCE, leaves)
    hub.go.set()
    waits.join(60)
    assert hub.fetches == 1
    assert found == [Files(root=Path("/m"))]

    hub.go.clear()
    with pytest.raises(Conflict, match="cancelled"):
        fetches.fetch(SOURCE, leaves)
    hub.go.set()
    assert fetches.fetch(SOURCE, stays) == Files(root=Path("/m"))


def test_nobody_is_left_waiting_in_greenlets() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.worker.patched_fetches"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.strip() == "800 of 800", done.stderr
