"""What the kernel says about processes that it killed for memory."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

_KILLED = re.compile(r"Killed process (\d+) .*?anon-rss:(\d+)kB")


def killed_for_memory(pid: int, log: Path = Path("/dev/kmsg")) -> int | None:
    """Bytes that `pid` had when the kernel killed it for memory; None when the log, as far as it
    is readable, does not say so. In a container pids differ from the kernel's and nothing is found.
    """
    text = _read(log)
    for found in _KILLED.finditer(text):
        if int(found[1]) == pid:
            return int(found[2]) * 1024
    return None


def _read(log: Path) -> str:
    parts: list[bytes] = []
    with suppress(OSError):
        descriptor = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
        try:
            while True:
                try:
                    part = os.read(descriptor, 65536)
                except BrokenPipeError:
                    # The kernel overwrote the record that was next; the one after it follows.
                    continue
                if not part:
                    break
                parts.append(part)
        except BlockingIOError:
            pass
        finally:
            os.close(descriptor)
    return b"".join(parts).decode(errors="replace")
