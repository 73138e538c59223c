"""Acts on the processes of a launch: start its shim, ask it to stop, kill what a dead one left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from xinfer.domain.home import Home
from xinfer.errors import Conflict, LaunchFailed
from xinfer.worker import shim
from xinfer.worker.held import Group
from xinfer.worker.journal import LAUNCH_VARIABLE, Folder, Journal, Order, ShimRecord

_PRIVATE = frozenset({"XINFER_LIFE_FD", "SERVER_SOFTWARE"})
"""Variables of the roles that are none of an engine's business."""

_BIRTH_TOLERANCE_S = 5.0
_POLL_S = 0.02
_SWEEP_S = 5.0


def start(folder: Folder, order: Order, *, timeout_s: float = 30.0) -> None:
    """Start a shim for `order`; returns once it has recorded and executed the engine.

    A shim that lives in the folder is killed: it belongs to a worker that died while it started it.
    Raises Conflict when it cannot be killed, LaunchFailed when the new one could not start.
    """
    if folder.is_live():
        kill(folder)
    with folder.hold() as held:
        if not held:
            raise Conflict(f"An engine of {folder.replica_id} still runs.")
        folder.write_order(order)
    environment = {name: value for name, value in os.environ.items() if name not in _PRIVATE}
    with folder.shim_log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", shim.__file__, str(folder.path)],
            env={**environment, LAUNCH_VARIABLE: order.launch},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        status = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    if status != 0 and not folder.is_live():
        said = folder.shim_log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        cause = said[-1] if said else f"its shim ended with status {status}"
        raise LaunchFailed(
            f"The process of {folder.replica_id} could not be started: {cause}",
            phase="starting",
            cause=cause,
            tail=tuple(said[-20:]),
        )


def ask_to_stop(folder: Folder) -> bool:
    """SIGTERM to the living shim of a folder; False when it has not said yet who it is."""
    return _signal_shim(folder, signal.SIGTERM)


def kill(folder: Folder) -> None:
    """SIGKILL to the shim and to whatever else belongs to its launch.

    Where the records of the launch cannot be read, the shim is known by the lock that it holds.
    """
    _signal_shim(folder, signal.SIGKILL)
    if folder.order() is None:
        for launch in _launches_holding(folder.lock):
            _clear(launch, None, _SWEEP_S)
    sweep(folder)


def sweep(folder: Folder, timeout_s: float = _SWEEP_S) -> tuple[int, ...]:
    """Kill every process of the folder's launch; returns the pids still there after `timeout_s`.

    Call it when the shim is dead, or is to die: a living one counts as a process of its launch.
    """
    order = folder.order()
    return () if order is None else _clear(order.launch, folder.shim(), timeout_s)


def _clear(launch: str, record: ShimRecord | None, timeout_s: float) -> tuple[int, ...]:
    deadline = time.monotonic() + timeout_s
    while True:
        left = tuple(_left(launch, record))
        if not left or time.monotonic() > deadline:
            return tuple(process.pid for process in left)
        for process in left:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                process.kill()
        time.sleep(_POLL_S)


def is_same(pid: int, born: str | None, started_s: float) -> bool:
    """Whether `pid` is alive and the process that was recorded, not a later one of that number."""
    if born is not None:
        return shim.birth(pid) == born
    try:
        process = psutil.Process(pid)
        return (
            process.status() != psutil.STATUS_ZOMBIE
            and abs(process.create_time() - started_s) < _BIRTH_TOLERANCE_S
        )
    except psutil.NoSuchProcess:
        return False


def running(home: Home, uids: Iterable[str]) -> tuple[Group, ...]:
    """The processes of a home's replicas of these models, for who is not the home's worker."""
    wanted, found = frozenset(uids), []
    for folder in Journal(home).folders():
        order, record = folder.order(), folder.shim()
        if order is None or record is None or order.uid not in wanted:
            continue
        if is_same(record.shim_pid, record.shim_born, record.started_s):
            found.append(Group(shim_pid=record.shim_pid, devices=tuple(order.devices)))
    return tuple(found)


def _signal_shim(folder: Folder, number: int) -> bool:
    record = folder.shim()
    if record is None or not is_same(record.shim_pid, record.shim_born, record.started_s):
        return False
    with suppress(ProcessLookupError):
        os.kill(record.shim_pid, number)
    return True


def _launches_holding(lock: Path) -> set[str]:
    """The launches whose processes have a lock open."""
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            launch = process.environ().get(LAUNCH_VARIABLE)
            if launch and any(Path(file.path) == lock for file in process.open_files()):
                found.add(launch)
    return found


def _left(launch: str, record: ShimRecord | None) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError, OSError):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            marked = process.environ().get(LAUNCH_VARIABLE)
            if marked == launch or (not marked and record and _in_group(process, record)):
                yield process


def _in_group(process: psutil.Process, record: ShimRecord) -> bool:
    """Whether an unmarked process belongs to the engine's group.

    The engine leads its own session, so group and session agree. A number is not reused while a
    group has members, unless all of ours had ended before; then the leader has another birth.
    """
    if os.getpgid(process.pid) != record.pgid or os.getsid(process.pid) != record.pgid:
        return False
    leader = Path(f"/proc/{record.pgid}")
    if record.engine_born is not None and leader.exists():
        return shim.birth(record.pgid) in {None, record.engine_born}
    return process.create_time() > record.started_s - _BIRTH_TOLERANCE_S


def weigh(pid: int) -> int | None:
    """Bytes of memory that a process and its descendants have resident; None when it is gone."""
    total = 0
    try:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                total += each.memory_info().rss
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return total
