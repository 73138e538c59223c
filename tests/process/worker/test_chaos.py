"""Kill -9 at random moments of a replica's start and life: never two engines, never an orphan."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable

from tests.process.appliance import wait_until
from tests.process.worker.workplace import Workplace, spec
from xinfer.domain.model import Restart
from xinfer.domain.replica import Phase, ReplicaStatus
from xinfer.worker import reaper, shim
from xinfer.worker.journal import kept_assignment

TRIALS = 12
PATIENT = Restart(max_failures=1000, backoff_s=0.05, backoff_max_s=0.2)


def test_kills_at_random_moments(workplace: Callable[..., Workplace]) -> None:
    chance = random.Random(20)
    place = workplace()
    model = spec(restart=PATIENT)
    place.assign(model)
    place.start()
    for number in range(TRIALS):
        victim = chance.choice(["worker", "shim", "engine", "worker and shim", "all"])
        model = spec(value=str(number), restart=PATIENT)
        place.assign(model)
        time.sleep(chance.uniform(0.0, 0.5))  # the random moment is the experiment
        kill(place, victim)
        if place.worker is not None and place.worker.poll() is not None:
            place.start()
        whole(place, model.digest(), f"killing {victim} in trial {number}")


def whole(place: Workplace, digest: str, after: str) -> None:
    """The replica is ready by its own word and from outside, and was never there twice."""

    def as_told(told: ReplicaStatus) -> bool:
        engines = [each.pid for each in place.engines()]
        shims = [each.pid for each in place.shims()]
        assert len(engines) <= 1, f"two engines after {after}"
        return told.digest == digest and engines == [told.engine_pid] and shims == [told.shim_pid]

    place.wait(Phase.READY, also=as_told)
    twice = place.home.replica("one-rep0") / "twice"
    assert not twice.exists(), f"two engines after {after}:\n{place.words()}"


def kill(place: Workplace, victim: str) -> None:
    if "worker" in victim or victim == "all":
        place.kill_worker()
    if "shim" in victim or victim == "all":
        shoot([each.pid for each in place.shims()])
    if victim in {"engine", "all"}:
        shoot([each.pid for each in place.engines()])


def shoot(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def test_the_reaper_ends_everything_and_forgets(workplace: Callable[..., Workplace]) -> None:
    place = workplace()
    place.assign(spec(), spec("two", mode="stubborn", grace_s=60.0))
    place.start()
    place.wait(Phase.READY)
    place.wait(Phase.READY, "two")
    place.kill_worker()
    assert reaper.stop_all(place.home, 1.0) == ("one-rep0", "two-rep0")
    assert not place.engines()
    assert not place.shims()
    assert reaper.stop_all(place.home, 1.0) == ()
    kept = place.home.replica("one-rep0")
    assert (kept / "engine.log").exists()
    assert not (kept / "launch.json").exists()
    assert not kept_assignment(place.home).exists()


def test_a_shim_that_comes_late_ends_by_itself(workplace: Callable[..., Workplace]) -> None:
    place = workplace()
    place.assign(spec())
    place.start()
    place.wait(Phase.READY)
    place.kill_worker()
    reaper.stop_all(place.home, 5.0)
    late = os.spawnve(
        os.P_WAIT,
        sys.executable,
        [sys.executable, "-I", shim.__file__, str(place.home.replica("one-rep0"))],
        {**os.environ, "XINFER_LAUNCH": "of-another-day", "XINFER_TEST_MARK": place.mark},
    )
    assert late == shim.SUPERSEDED
    # The status is told just before the detached process ends.
    wait_until("no process left", lambda: not place.processes(""))
