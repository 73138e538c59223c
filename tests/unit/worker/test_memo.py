"""Counting failures: when a replica is tried again, and when it rests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xinfer.domain.model import Restart
from xinfer.domain.replica import Cause, Phase
from xinfer.errors import Conflict
from xinfer.worker import memo
from xinfer.worker.memo import Memo

RESTART = Restart(max_failures=3, backoff_s=1.0, backoff_max_s=10.0)
CAUSE = Cause(phase=Phase.STARTING, summary="it broke")


def started(known: Memo, now_s: float) -> Memo:
    return known.enter(Phase.QUEUED, now_s).enter(Phase.STARTING, now_s)


def failed(known: Memo, now_s: float, cause: Cause = CAUSE, *, definite: bool = False) -> Memo:
    return known.failed(now_s, cause, RESTART, definite=definite)


def waits(known: Memo, causes: Sequence[Cause]) -> list[float | None]:
    """Until the next try, after each of these ends of launches that never serve."""
    found = []
    for cause in causes:
        known = failed(started(known, 100.0), 100.0, cause)
        assert known.cause == cause
        found.append(known.retry_at_s and known.retry_at_s - 100.0)
    return found


NEW = Memo(uid="a", index=0, digest="d")


def test_launches_that_never_serve_are_retried_less_and_less_then_rest() -> None:
    other = replace(CAUSE, summary="something else broke")
    assert waits(NEW, [CAUSE, other, CAUSE]) == [1.0, 2.0, None]


def test_an_engine_that_ends_twice_alike_rests_unless_it_once_served() -> None:
    assert waits(NEW, [CAUSE, CAUSE]) == [1.0, None]
    assert waits(replace(NEW, was_ready=True), [CAUSE, CAUSE]) == [1.0, 2.0]


@pytest.mark.parametrize(
    "change", [{"out_of_memory": True}, {"signal": "SIGKILL"}, {"phase": Phase.DOWNLOADING}]
)
def test_what_may_pass_is_tried_again_though_it_ends_alike(change: dict[str, Any]) -> None:
    cause = replace(CAUSE, **change)
    assert waits(NEW, [cause, cause]) == [1.0, 2.0]


def lives(seconds: float, times: int) -> list[float | None]:
    """The waits after so many lives of this length, each reaching ready."""
    known, found = NEW, []
    for _ in range(times):
        known = started(known, 0.0).ready(0.0, "h:1")
        assert known.cause is None
        known = failed(known, seconds)
        assert known.address is None
        assert known.failures == 0
        found.append(known.retry_at_s - seconds if known.retry_at_s else None)
    return found


def test_what_dies_soon_after_ready_is_restarted_for_ever_with_back_off() -> None:
    assert lives(1.5, 6) == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_what_served_a_while_is_restarted_soon() -> None:
    assert lives(30.0, 6) == [1.0] * 6


def test_service_makes_earlier_ends_forgotten() -> None:
    known = Memo(uid="a", index=0, digest="d", streak=4)
    served = started(known, 0.0).ready(0.0, "h:1")
    assert failed(served, 4.0).retry_at_s == 4.0 + 4.0
    assert failed(served, 100.0).retry_at_s == 100.0 + 1.0


def test_a_definite_failure_rests_at_once_unless_it_once_served() -> None:
    new = started(Memo(uid="a", index=0, digest="d"), 0.0)
    assert failed(new, 0.0, definite=True).retry_at_s is None
    served = failed(new.ready(0.0, "h:1"), 0.0)
    assert failed(started(served, 0.0), 0.0, definite=True).retry_at_s is not None


def test_a_new_launch_begins_a_new_timeline() -> None:
    known = started(failed(started(Memo(uid="a", index=0, digest="d"), 1.0), 2.0), 3.0)
    assert [(mark.phase, mark.at_s) for mark in known.timeline] == [
        (Phase.QUEUED, 3.0),
        (Phase.STARTING, 3.0),
    ]
    with pytest.raises(Conflict):
        known.enter(Phase.QUEUED, 4.0)


def test_it_is_kept_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "memo.json"
    assert memo.load(path) is None
    known = failed(started(Memo(uid="a", index=0, digest="d"), 1.0), 2.0)
    memo.save(path, known)
    assert memo.load(path) == known
    path.write_text('{"uid": "a"')
    assert memo.load(path) is None
