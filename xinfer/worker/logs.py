"""An engine's log as one text, across the files it was rotated into."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

LAUNCH_MARK = "--- launch "
"""How the line begins that the shim writes before each start of the engine."""

_CHUNK = 65536
_MAX = 8 * 1024 * 1024
_POLL_S = 0.2


def tail(log: Path, lines: int) -> list[str]:
    """The last `lines` lines, oldest first; empty when nothing was logged yet."""
    return _tail(files(log), lines).decode("utf-8", errors="replace").splitlines()


def of_last_launch(lines: list[str]) -> list[str]:
    """Only what was written since the engine was started last."""
    for place in range(len(lines) - 1, -1, -1):
        if lines[place].startswith(LAUNCH_MARK):
            return lines[place + 1 :]
    return lines


def files(log: Path) -> list[Path]:
    """The files of a log that exist, newest first: `engine.log`, `engine.log.1`, …"""
    numbered = []
    for path in log.parent.glob(f"{log.name}.*"):
        number = path.name.removeprefix(f"{log.name}.")
        if number.isdigit():
            numbered.append((int(number), path))
    return [*([log] if log.exists() else []), *(path for _, path in sorted(numbered))]


def follow(log: Path, lines: int, closed: Callable[[], bool]) -> Iterator[bytes]:
    """The last `lines` lines, then whatever is appended, until `closed()` or the folder is gone.

    A rotation between two looks loses nothing as long as the file is still kept. Nothing is yielded
    while nothing is written, so `closed` is how a reader that went away is noticed.
    """
    reader = _Reader(log, lines)
    try:
        while log.parent.is_dir():
            data = reader.read()
            if data:
                yield data
            elif closed():
                return
            else:
                time.sleep(_POLL_S)
    finally:
        reader.close()


class _Reader:
    """Reads forward through a log, moving on to the next file when the present one was rotated."""

    def __init__(self, log: Path, lines: int) -> None:
        self._log = log
        self._file: IO[bytes] | None = None
        self._head = b""
        present = files(log)
        if present:
            # The file is opened first: what is appended meanwhile is read on, not lost.
            self._file = present[0].open("rb")
            end = self._file.seek(0, os.SEEK_END)
            self._head = _tail(present, lines, end)

    def read(self) -> bytes:
        """What is there to read now; empty when nothing is."""
        if self._head:
            head, self._head = self._head, b""
            return head
        if self._file is None:
            return self._file_read() if self._open_next(None) else b""
        inode = os.fstat(self._file.fileno()).st_ino
        rotated = self._newest() not in {None, inode}
        # A file that was rotated gets no more; what it got before that is read first.
        data = self._file_read()
        if not data and rotated and self._open_next(inode):
            data = self._file_read()
        return data

    def _file_read(self) -> bytes:
        return self._file.read(_CHUNK) if self._file is not None else b""

    def _newest(self) -> int | None:
        try:
            return self._log.stat().st_ino
        except FileNotFoundError:
            return None

    def _open_next(self, inode: int | None) -> bool:
        """Open the file written after the one with `inode`; the oldest kept when that is gone."""
        present = files(self._log)
        inodes = []
        for path in present:
            with suppress(FileNotFoundError):
                inodes.append(path.stat().st_ino)
        if not present or len(inodes) != len(present) or (inode is not None and inodes[0] == inode):
            return False
        place = inodes.index(inode) - 1 if inode in inodes else len(present) - 1
        with suppress(FileNotFoundError):
            following = present[place].open("rb")
            if os.fstat(following.fileno()).st_ino == inodes[place]:
                self.close()
                self._file = following
                return True
            following.close()
        return False

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _tail(paths: list[Path], lines: int, end: int | None = None) -> bytes:
    """The last lines over several files, given newest first, of which the first is read to `end`.

    The files are one stream of bytes: a line may begin in one and end in the next.
    """
    data = b""
    for path in paths:
        with suppress(FileNotFoundError), path.open("rb") as file:
            position = file.seek(0, os.SEEK_END) if end is None else end
            while position > 0 and len(data) < _MAX and data.count(b"\n", 0, -1) < lines:
                step = min(_CHUNK, position)
                position -= step
                file.seek(position)
                data = file.read(step) + data
        end = None
    return b"".join(data.splitlines(keepends=True)[-lines:]) if lines > 0 else b""
