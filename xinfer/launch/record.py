"""The running launcher of a home: who it is, and whether it lives. Standard library only."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from xinfer.domain.home import Home
from xinfer.errors import Conflict

_ATTEMPTS = 20
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class LauncherRecord:
    """What the launcher of a home says about itself. `endpoint` is a URL without `/v1`."""

    pid: int
    endpoint: str
    version: str
    recipe: str = ""


def hold(home: Home) -> IO[str]:
    """Take the home's launcher lock; keep the returned file open for as long as it is held.

    The lock, not the pid, says that a launcher lives: it vanishes with its process, however that
    ends. Raises Conflict when another launcher holds it.
    """
    home.run.mkdir(parents=True, exist_ok=True)
    # Opened for append: truncating here would erase the pid that the living launcher wrote.
    lock = _lock_path(home).open("a+", encoding="utf-8")
    # Again for a moment: `living` takes the lock, too, as long as it looks.
    for _ in range(_ATTEMPTS):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(_PAUSE_S)
            continue
        return lock
    lock.close()
    record = read(home)
    who = f"process {record.pid} at {record.endpoint}" if record else "another process"
    raise Conflict(
        f"{home.root} is in use by {who}.",
        "Stop it with `xinfer down`, or set XINFER_HOME to another folder.",
    )


def write(home: Home, record: LauncherRecord) -> None:
    """Publish the record; only the holder of the lock may."""
    temporary = home.launcher_record.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(record)), encoding="utf-8")
    temporary.replace(home.launcher_record)


def clear(home: Home) -> None:
    """Remove the record of a launcher that ends."""
    home.launcher_record.unlink(missing_ok=True)


def read(home: Home) -> LauncherRecord | None:
    """The record as written last, whether its launcher lives or not."""
    try:
        return LauncherRecord(**json.loads(home.launcher_record.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def living(home: Home) -> LauncherRecord | None:
    """The record of the launcher that runs now, or None."""
    try:
        descriptor = os.open(_lock_path(home), os.O_RDWR)
    except OSError:
        return None
    try:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        return read(home)
    finally:
        os.close(descriptor)


def check_seen(home: Home) -> None:
    """Raises PermissionError where `living` finds nobody because it may not look."""
    with suppress(FileNotFoundError, NotADirectoryError):
        os.close(os.open(_lock_path(home), os.O_RDWR))


def _lock_path(home: Home) -> Path:
    return home.run / "launcher.lock"
