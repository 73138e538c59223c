"""End a background installation: ask its launcher, wait, and name what would not end."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

import psutil

from xinfer.domain.home import Home
from xinfer.errors import Forbidden, NotFound, NotReady
from xinfer.launch import record
from xinfer.worker import reaper


def main(home: Home, *, timeout_s: float = 90.0) -> str:
    """Drain and stop what runs under `home`; returns a sentence for the person.

    Raises NotFound when nothing runs, NotReady when it has not ended after `timeout_s`, Forbidden
    when it belongs to another user.
    """
    try:
        return _stop(home, timeout_s)
    except PermissionError as error:
        where = error.filename or "its launcher"
        raise Forbidden(
            f"What runs under {home.root} is another user's: {where} may not be touched.",
            "Run this as that user, or set XINFER_HOME to a folder of yours.",
        ) from error


def _stop(home: Home, timeout_s: float) -> str:
    running = record.living(home)
    if running is None:
        record.check_seen(home)
        left = reaper.stop_all(home, 10.0)
        if left:
            return f"No launcher ran; stopped {len(left)} replicas that a crash had left."
        raise NotFound(
            f"Nothing runs under {home.root}.", "Another home? Set XINFER_HOME to its folder."
        )
    with suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while record.living(home) is not None or _lives(running.pid):
        if time.monotonic() > deadline:
            raise NotReady(
                f"The launcher (pid {running.pid}) still drains after {timeout_s:.0f} s.",
                f"`kill -TERM {running.pid}` once more makes it stop waiting.",
            )
        time.sleep(0.05)
    return f"Stopped {running.endpoint}."


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
