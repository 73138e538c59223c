"""Who waits for a change is woken by it, whichever process made it."""

from __future__ import annotations

import threading

import pytest

from tests.unit.domain.clusters import spec
from tests.unit.store.conftest import Open, on_both
from xinfer.errors import StoreFailed
from xinfer.store.watch import Watch


@on_both
def test_a_change_by_another_process_wakes_waiters_and_listeners(open_store: Open) -> None:
    watch = Watch(open_store(), interval_s=0.01)
    heard = threading.Event()
    watch.look()
    watch.listen(heard.set)
    runner = threading.Thread(target=watch.run)
    runner.start()
    try:
        seen = watch.stamp
        assert not watch.wait(seen, 0.03)
        assert not heard.is_set()
        open_store().write_desired({"m": spec()}, expected=0)
        assert watch.wait(seen, 60)
        assert heard.wait(60)
        assert watch.stamp != seen
        assert watch.wait(seen, 0), "who comes late does not wait"
    finally:
        watch.stop()
        runner.join(60)
    assert not runner.is_alive()


def test_a_change_by_this_process_is_seen_by_looking(open_store: Open) -> None:
    store = open_store()
    watch = Watch(store, interval_s=3600)
    watch.look()
    calls: list[int] = []
    watch.listen(lambda: calls.append(watch.stamp))
    store.write_desired({}, expected=0)
    watch.look()
    watch.look()
    assert len(calls) == 1


class Broken:
    """Changes that cannot be read twice, then can."""

    def __init__(self) -> None:
        self.asked = 0

    def stamp(self) -> int:
        self.asked += 1
        if self.asked <= 2:
            raise StoreFailed("no disk")
        return 7


def test_watching_outlives_a_store_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(Broken(), interval_s=0.01)
    runner = threading.Thread(target=watch.run)
    runner.start()
    try:
        assert watch.wait(-1, 60)
        assert watch.stamp == 7
    finally:
        watch.stop()
        runner.join(60)
    assert [record.message for record in caplog.records] == ["The store cannot be watched: no disk"]
