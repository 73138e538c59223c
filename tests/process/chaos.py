"""Kill -9 at a random moment, then ask whether everything healed. Shared by tests and scripts."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from tests.process.appliance import Appliance, titles, wait_until

RECIPE = """
defaults: [base]
cluster: {orphan_grace_s: 6}
models:
  pair: {engine: echo, replicas: 2}
  single: {engine: echo}
"""
WANTED = {"pair": 2, "single": 1}

VICTIMS: dict[str, str] = {
    "replica": "xinfer: echo",
    "shim": "xinfer: shim",
    "gateway process": "xinfer: supervisor worker",
    "supervisor": "xinfer: supervisor master",
    "worker process": "xinfer: worker worker",
    "worker": "xinfer: worker master",
    "launcher": "xinfer: launcher",
    "everything": "xinfer: ",
}
"""What may be killed, and by which part of its process title it is found."""


@dataclass
class Outcome:
    """What one trial did and how long the installation needed to be whole again."""

    victim: str
    delay_s: float
    killed: list[str] = field(default_factory=list)
    healed_s: float = 0.0


def trial(appliance: Appliance, chance: random.Random, victim: str) -> Outcome:
    """Kill one kind of process after a random delay and wait until all is as declared.

    Raises AssertionError with a transcript when the same models do not return, an engine runs
    twice, or an orphan stays.
    """
    outcome = Outcome(victim=victim, delay_s=chance.uniform(0.0, 1.5))
    time.sleep(outcome.delay_s)  # the random moment is the experiment, not a wait for something
    found: list[psutil.Process] = []

    def is_there() -> bool:
        found[:] = appliance.processes(VICTIMS[victim])
        return bool(found)

    wait_until(f"something to kill for {outcome}", is_there)
    targets = found if victim == "everything" else chance.sample(found, 1)
    outcome.killed = titles(targets)
    for process in targets:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    began = time.monotonic()
    wait_until(f"the end of what was killed for {outcome}", lambda: not any(map(_lives, targets)))
    if victim in {"launcher", "everything"}:
        assert appliance.launcher is not None
        appliance.launcher.wait(60)
        appliance.start()
    heal(appliance, outcome)
    outcome.healed_s = time.monotonic() - began
    return outcome


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def heal(appliance: Appliance, outcome: Outcome) -> None:
    """Wait for the declared state, then check it from outside."""
    appliance.wait_ready(WANTED)
    wait_until(f"each model answers after {outcome}", lambda: _all_answer(appliance), 120)
    try:
        wait_until(
            f"one engine and one shim per replica after {outcome}",
            lambda: _counts(appliance) == _expected(),
        )
    except AssertionError as error:
        raise AssertionError(
            f"{error}\n{_counts(appliance)}\n" + "\n".join(titles(appliance.processes()))
        ) from None


def _all_answer(appliance: Appliance) -> bool:
    return all(appliance.chat(uid)[0] == 200 for uid in WANTED)


def _expected() -> dict[str, int]:
    replicas = sum(WANTED.values())
    return {
        "echo": replicas,
        "shim": replicas,
        "supervisor master": 1,
        "supervisor worker": 1,
        "worker master": 1,
        "worker worker": 1,
        "launcher": 1,
        "strangers": 0,
    }


def _counts(appliance: Appliance) -> dict[str, int]:
    """How many processes of each kind live; `strangers` are those no title explains, and those of
    a role whose master is gone.
    """
    counts = dict.fromkeys(_expected(), 0)
    named: dict[int, str] = {}
    parents: dict[int, int] = {}
    for process in appliance.processes():
        try:
            title, parents[process.pid] = " ".join(process.cmdline()), process.ppid()
        except psutil.NoSuchProcess:
            continue
        known = (name for name in counts if f"xinfer: {name}" in title)
        named[process.pid] = next(known, "strangers")
    for pid, name in named.items():
        role, _, kind = name.rpartition(" ")
        is_orphan = kind == "worker" and named.get(parents[pid]) != f"{role} master"
        counts["strangers" if is_orphan and role else name] += 1
    return counts


def run(appliance: Appliance, trials: int, seed: int, tell: Callable[[str], None]) -> list[Outcome]:
    """Many trials on one installation; every kind of victim comes up equally often."""
    chance = random.Random(seed)
    kinds = list(VICTIMS)
    outcomes = []
    for number in range(trials):
        if number % len(kinds) == 0:
            chance.shuffle(kinds)
        outcome = trial(appliance, chance, kinds[number % len(kinds)])
        outcomes.append(outcome)
        tell(f"{number + 1:4d}  {outcome.victim:<16} healed in {outcome.healed_s:5.1f} s")
    return outcomes
