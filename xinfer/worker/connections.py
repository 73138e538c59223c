"""Who is still being served: established connections to an engine's port."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

_ESTABLISHED = "01"
_TABLES = ("tcp", "tcp6")


def established(port: int, pid: int, proc: Path = Path("/proc/net")) -> int:
    """How many connections are open to `port` of this machine; `pid` is the listening process.

    On Linux the kernel's table is read, which is cheap and needs no right over the process.
    """
    tables = [proc / name for name in _TABLES if (proc / name).exists()]
    if not tables:
        return _by_process(port, pid)
    return sum(_count(table, port) for table in tables)


def _count(table: Path, port: int) -> int:
    ending = f":{port:04X}"
    count = 0
    with suppress(OSError), table.open(encoding="ascii") as lines:
        next(lines, None)
        for line in lines:
            _, local, _, state = line.split(None, 4)[:4]
            count += local.endswith(ending) and state == _ESTABLISHED
    return count


def _by_process(port: int, pid: int) -> int:
    count = 0
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        engine = psutil.Process(pid)
        for process in (engine, *engine.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                count += sum(
                    bool(each.laddr) and each.laddr[1] == port
                    for each in process.net_connections(kind="tcp")
                    if each.status == psutil.CONN_ESTABLISHED
                )
    return count
