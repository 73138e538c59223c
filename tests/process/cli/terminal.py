"""A program on a pseudo-terminal, so that it behaves as before a person."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_DEADLINE_S = 90.0
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r")


class Terminal:
    """What the program wrote, and a way to type."""

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid = pid
        self._descriptor = descriptor
        self._seen = ""
        self._looked_at = 0

    def expect(self, text: str) -> None:
        """Wait until `text` is written after what was expected before."""
        deadline = time.monotonic() + _DEADLINE_S
        while True:
            plain = _ESCAPES.sub("", self._seen)
            place = plain.find(text, self._looked_at)
            if place >= 0:
                self._looked_at = place + len(text)
                return
            if not self._read(deadline):
                raise AssertionError(f"{text!r} was not written. There was:\n{plain}")

    @property
    def shown(self) -> str:
        """All that it has written so far, as far as it was expected."""
        return _ESCAPES.sub("", self._seen)

    def type(self, text: str) -> None:
        """Type; `\\x03` is Ctrl-C and `\\x04` Ctrl-D."""
        os.write(self._descriptor, text.encode())

    def exit_status(self) -> int:
        """Wait for the end."""
        deadline = time.monotonic() + _DEADLINE_S
        while self._read(deadline):
            pass
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        raise AssertionError(f"It does not end. There was:\n{self._seen}")

    def _read(self, deadline: float) -> bool:
        left = max(0.0, deadline - time.monotonic())
        if not select.select([self._descriptor], [], [], left)[0]:
            return False
        try:
            raw = os.read(self._descriptor, 65536)
        except OSError:
            return False
        self._seen += raw.decode(errors="replace")
        return bool(raw)


@contextmanager
def terminal(argv: Sequence[str], env: dict[str, str]) -> Iterator[Terminal]:
    """Run a program on a new terminal; it is gone after the block."""
    pid, descriptor = pty.fork()
    if pid == 0:
        os.execve(argv[0], list(argv), env)
    screen = Terminal(pid, descriptor)
    try:
        yield screen
    finally:
        os.close(descriptor)
        if screen.pid:
            os.kill(screen.pid, signal.SIGKILL)
            os.waitpid(screen.pid, 0)
