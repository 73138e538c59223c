"""The talk with a supervisor that is away, refuses, and comes back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xinfer.domain.node import Machine, NodeReport
from xinfer.domain.state import Assignment
from xinfer.errors import NotReady, Unauthorized, XinferError
from xinfer.worker.assignments import Assignments
from xinfer.worker.dialogue import Dialogue

MACHINE = Machine(cores=1, memory_total_bytes=1, memory_available_bytes=1, system="x")


class Supervisor:
    """Answers what `trouble` and `revision` say; counts. Trouble is over with report `heals_at`."""

    def __init__(self) -> None:
        self.trouble: XinferError | None = None
        self.revision = 1
        self.reports: list[NodeReport] = []
        self.watches = 0
        self.heals_at = 0

    def report(self, report: NodeReport) -> Assignment:
        self.reports.append(report)
        if len(self.reports) == self.heals_at:
            self.trouble = None
        return self._answer()

    def watch(self, revision: int, wait_s: float) -> Assignment:
        self.watches += 1
        deadline = time.monotonic() + min(wait_s, 0.5)
        while self.revision == revision and not self.trouble and time.monotonic() < deadline:
            time.sleep(0.005)
        return self._answer()

    def _answer(self) -> Assignment:
        if self.trouble is not None:
            raise self.trouble
        return Assignment(node="n", revision=self.revision)


def wait_until(check: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def supervisor() -> Supervisor:
    return Supervisor()


@pytest.fixture
def assignments(tmp_path: Path) -> Assignments:
    return Assignments(tmp_path / "kept")


@pytest.fixture
def woken() -> threading.Semaphore:
    return threading.Semaphore(0)


@pytest.fixture
def dialogue(
    supervisor: Supervisor, assignments: Assignments, woken: threading.Semaphore
) -> Iterator[Dialogue]:
    def report() -> NodeReport:
        return NodeReport(
            node="n", incarnation="i", sequence=1, version="1", address="", machine=MACHINE
        )

    made = Dialogue(supervisor, assignments, report=report, wake=woken.release, interval_s=3600)
    yield made
    made.stop()


def test_changes_go_out_at_once_and_assignments_come_in(
    dialogue: Dialogue,
    supervisor: Supervisor,
    assignments: Assignments,
    woken: threading.Semaphore,
) -> None:
    dialogue.start()
    assert woken.acquire(timeout=60)
    wait_until(lambda: len(supervisor.reports) == 1)
    dialogue.notify()
    wait_until(lambda: len(supervisor.reports) == 2)
    supervisor.revision = 2
    wait_until(lambda: assignments.revision == 2)
    assert woken.acquire(timeout=60)


def test_a_refusal_is_said_once_and_work_resumes(
    dialogue: Dialogue,
    supervisor: Supervisor,
    assignments: Assignments,
    caplog: pytest.LogCaptureFixture,
) -> None:
    supervisor.trouble = Unauthorized("The token is wrong.")
    with caplog.at_level(logging.WARNING, "xinfer.worker"):
        dialogue.start()
        wait_until(lambda: len(supervisor.reports) + supervisor.watches >= 8)
    assert [record.getMessage() for record in caplog.records] == [
        "The token is wrong. What is assigned keeps running."
    ]
    supervisor.trouble = None
    wait_until(lambda: assignments.revision == 1)


def test_a_supervisor_that_is_only_starting_is_not_worth_a_word(
    dialogue: Dialogue,
    supervisor: Supervisor,
    assignments: Assignments,
    caplog: pytest.LogCaptureFixture,
) -> None:
    supervisor.trouble, supervisor.heals_at = NotReady("It cannot be reached."), 3
    with caplog.at_level(logging.WARNING, "xinfer.worker"):
        dialogue.start()
        wait_until(lambda: assignments.revision == 1)
    assert not caplog.records
