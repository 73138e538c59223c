"""The end of everything: stop all replicas of a home. Used by the launcher, so it stays light."""

from __future__ import annotations

import time

from xinfer.domain.home import Home
from xinfer.worker import processes
from xinfer.worker.journal import Folder, Journal, kept_assignment

_POLL_S = 0.05


def stop_all(home: Home, timeout_s: float) -> tuple[str, ...]:
    """Ask every living replica to stop, kill what has not ended after `timeout_s`.

    Returns the ids of the replicas that ran. Their logs are kept; everything else about them is
    forgotten, so that the next start is a fresh one. No worker may run at the same time.
    """
    kept_assignment(home).unlink(missing_ok=True)
    deadline = time.monotonic() + timeout_s
    folders = Journal(home).folders()
    waiting = {folder.replica_id: folder for folder in folders if folder.is_live()}
    stopped = tuple(waiting)
    asked: set[str] = set()
    while waiting and time.monotonic() < deadline:
        for name, folder in list(waiting.items()):
            if name not in asked and processes.ask_to_stop(folder):
                asked.add(name)
            if not folder.is_live():
                del waiting[name]
        if waiting:
            time.sleep(_POLL_S)
    for folder in folders:
        _forget(folder)
    return stopped


def _forget(folder: Folder) -> None:
    if folder.is_live():
        processes.kill(folder)
    else:
        processes.sweep(folder)
    folder.void_order()
