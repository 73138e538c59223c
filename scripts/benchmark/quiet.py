"""What else this machine computes: a program that only waits in a loop spoils every figure."""

from __future__ import annotations

import os
import time

import psutil

_LOOK_S = 2.0
_BUSY = 0.01


def others(look_s: float = _LOOK_S, busy: float = _BUSY) -> list[str]:
    """The processes that took more than `busy` of a core meanwhile, the busiest first, in words.

    Who started this one counts as much as anybody; only this process itself does not.
    """
    before = _seconds()
    began = time.monotonic()
    time.sleep(look_s)
    taken = time.monotonic() - began
    shares = {
        pid: (used - before[pid][0]) / taken
        for pid, (used, _) in _seconds().items()
        if pid in before and pid != os.getpid()
    }
    worst = sorted((pid for pid, share in shares.items() if share > busy), key=lambda p: -shares[p])
    return [f"{before[pid][1]} (pid {pid}): {shares[pid]:.0%} of a core" for pid in worst]


def _seconds() -> dict[int, tuple[float, str]]:
    """Processor time and name by pid; those that end meanwhile are left out."""
    found = {}
    for process in psutil.process_iter():
        try:
            times = process.cpu_times()
            found[process.pid] = (times.user + times.system, process.name())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
