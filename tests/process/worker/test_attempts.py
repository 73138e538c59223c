"""What rests after failures is started anew when somebody asks for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

from tests.process.worker.workplace import Workplace, spec
from xinfer.domain.model import Restart
from xinfer.domain.replica import Phase

Make = Callable[..., Workplace]


def test_one_more_attempt_starts_what_rests_and_leaves_alone_what_runs(workplace: Make) -> None:
    place = workplace()
    there = place.folder / "program"
    missing = spec(program=str(there), restart=Restart(max_failures=1))
    place.assign(missing, spec("two"))
    place.start()
    assert place.wait(Phase.FAILED).retry_at_s is None
    runs = place.wait(Phase.READY, "two")
    there.symlink_to(sys.executable)
    place.assign(replace(missing, attempt=1), spec("two", attempt=1))
    mended = place.wait(Phase.READY)
    assert (mended.attempt, mended.failures, mended.cause) == (1, 0, None)
    beside = place.replica("two")
    assert beside is not None
    assert beside.shim_pid == runs.shim_pid
    # A new worker remembers which attempt it was.
    place.kill_worker()
    place.start()
    place.wait(Phase.READY, also=lambda it: it.shim_pid == mended.shim_pid and it.attempt == 1)
