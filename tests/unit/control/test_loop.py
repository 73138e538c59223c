"""The loop under a clock of its own: when it runs, when it rests, what it survives."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from xinfer.control.loop import Loop


class World:
    """Time that passes only while somebody waits; `plan` wakes things up at given moments."""

    def __init__(self) -> None:
        self.now = 0.0
        self.plan: list[tuple[float, Callable[[], None]]] = []

    def at(self, moment: float, action: Callable[[], None]) -> None:
        self.plan.append((moment, action))
        self.plan.sort(key=lambda item: item[0])

    def event(self) -> TimedEvent:
        return TimedEvent(self)


class TimedEvent:
    def __init__(self, world: World) -> None:
        self._world = world
        self._set = False

    def set(self) -> None:
        self._set = True

    def clear(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        until = self._world.now + timeout
        while not self._set and self._world.plan and self._world.plan[0][0] <= until:
            self._world.now, action = self._world.plan.pop(0)
            action()
        if not self._set:
            self._world.now = until
        return self._set


@pytest.fixture
def world() -> World:
    return World()


def test_runs_at_intervals_and_early_when_woken_or_when_the_step_asks(world: World) -> None:
    moments: list[float] = []
    answers = iter([None, None, 0.5, 99.0])

    def step() -> float | None:
        moments.append(world.now)
        return next(answers, None)

    loop = Loop(step, name="t", interval_s=2.0, new_event=world.event)
    world.at(2.25, loop.wake)
    world.at(6.0, loop.stop)
    loop.run()
    assert moments == [0.0, 2.0, 2.25, 2.75, 4.75]


def test_a_failing_step_backs_off_and_cannot_be_spun_by_wakes(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    moments: list[float] = []

    def step() -> None:
        moments.append(world.now)
        if len(moments) <= 4:
            raise OSError("disk gone")

    loop = Loop(step, name="t", interval_s=5, backoff_s=1, backoff_max_s=4, new_event=world.event)
    for tenth in range(1, 100):
        world.at(tenth / 10, loop.wake)
    world.at(11.9, loop.stop)
    with caplog.at_level(logging.INFO):
        loop.run()
    assert moments[:5] == [0.0, 1.0, 3.0, 7.0, 11.0]
    tracebacks = [record for record in caplog.records if record.exc_info]
    assert len(tracebacks) == 1
    assert "works again after 4" in caplog.text


def test_a_wake_during_the_step_is_not_lost(world: World) -> None:
    moments: list[float] = []
    loop = Loop(lambda: step(), name="t", interval_s=60.0, new_event=world.event)

    def step() -> None:
        moments.append(world.now)
        if len(moments) == 1:
            loop.wake()
        else:
            loop.stop()

    loop.run()
    assert moments == [0.0, 0.0]
