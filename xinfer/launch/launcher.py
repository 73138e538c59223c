"""The root process: starts the roles, restarts what dies, and ends everything in order.

Standard library only and single-threaded, because it stays for the life of the installation: it is
PID 1 in a container and the one process that nothing restarts. It holds no state worth keeping.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

log = logging.getLogger("xinfer.launcher")

REFUSED = 78
"""Exit status of a role that cannot start and has said why (EX_CONFIG)."""

_QUICK_DEATH_S = 10.0
_QUICK_DEATHS = 5
_BACKOFF_MAX_S = 10.0
_TICK_S = 0.1


@dataclass(slots=True)
class Role:
    """A process to keep running. `argv` is executed again whenever it ends."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    pid: int = 0
    started: float = 0.0
    next_start: float = 0.0
    quick_deaths: int = 0


class Launcher:
    """Keeps `roles` running until a signal or a refusal.

    `log_path(role)` is where a role's output goes (None = inherit). `finish(timeout_s)` is called
    last, when all roles are gone, to end what they left on purpose (the replicas).
    """

    def __init__(
        self,
        roles: Sequence[Role],
        *,
        finish: Callable[[float], None],
        on_tick: Callable[[], None] = lambda: None,
        drain_s: float = 35.0,
    ) -> None:
        self._roles = list(roles)
        self._finish = finish
        self._on_tick = on_tick
        self._drain_s = drain_s
        self._signals = 0
        self._status = 0
        self._life_read = -1
        self._life_write = -1

    def run(self) -> int:
        """Block until everything has ended; the exit status for the process."""
        # The roles hold the read end and see end-of-file when this process is gone, however it
        # died; it is the one way of telling them that works on every system.
        self._life_read, self._life_write = os.pipe()
        os.set_inheritable(self._life_read, True)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._count_signal)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            while not self._signals:
                self._start_due()
                self._reap()
                if self._status:
                    break
                self._on_tick()
                self._pause()
        finally:
            self._stop()
        return self._status

    def fail(self, status: int) -> None:
        """End everything at the next turn with this exit status."""
        self._status = status

    def pids(self) -> dict[str, int]:
        """The process id of each running role, by name."""
        return {role.name: role.pid for role in self._roles if role.pid}

    def _count_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    def _start_due(self) -> None:
        now = time.monotonic()
        for role in self._roles:
            if role.pid or now < role.next_start:
                continue
            try:
                role.pid = self._spawn(role)
                role.started = now
            except OSError as error:
                log.warning("The %s cannot be started: %s; trying again.", role.name, error)
                role.next_start = now + _BACKOFF_MAX_S / 10

    def _spawn(self, role: Role) -> int:
        # A session of its own: Ctrl-C in the terminal reaches the launcher alone, which then ends
        # the roles in order.
        process = subprocess.Popen(
            role.argv,
            env={**os.environ, **role.env, "XINFER_LIFE_FD": str(self._life_read)},
            pass_fds=(self._life_read,),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        # The pid is reaped here by waitpid(-1), as PID 1 must; the object must not wait on it.
        process.returncode = 0
        return process.pid

    def _reap(self) -> None:
        """Collect every ended child: the roles, and orphans that a PID 1 inherits."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for role in self._roles:
                if role.pid == pid:
                    self._ended(role, os.waitstatus_to_exitcode(status))

    def _ended(self, role: Role, code: int) -> None:
        role.pid = 0
        if self._signals or self._status:
            return
        if code == REFUSED:
            self._status = 1
            return
        now = time.monotonic()
        quick = now - role.started < _QUICK_DEATH_S
        role.quick_deaths = role.quick_deaths + 1 if quick else 0
        if role.quick_deaths >= _QUICK_DEATHS:
            log.error(
                "The %s ended %d times within %.0f s of its start (last: %s); giving up.",
                role.name,
                role.quick_deaths,
                _QUICK_DEATH_S,
                _describe(code),
            )
            self._status = 1
            return
        wait_s = min(_BACKOFF_MAX_S, 0.2 * 2 ** max(0, role.quick_deaths - 1))
        role.next_start = now + wait_s
        log.warning("The %s %s; starting it again in %.1f s.", role.name, _describe(code), wait_s)

    def _pause(self) -> None:
        # A signal interrupts the wait only by its handler's side effect, so the tick bounds it.
        time.sleep(_TICK_S)

    def _stop(self) -> None:
        """Supervisor first (it drains requests), then the rest, then what the roles left.

        A second signal stops waiting and kills.
        """
        already = self._signals
        for role in self._roles:
            self._send(role, signal.SIGTERM)
            self._wait_for(role, time.monotonic() + self._drain_s, already)
        with suppress(OSError):
            os.close(self._life_write)
        self._finish(0.0 if self._signals > max(1, already) else self._drain_s)
        self._reap()

    def _wait_for(self, role: Role, deadline: float, already: int) -> None:
        while role.pid:
            self._reap()
            if role.pid and (time.monotonic() > deadline or self._signals > max(1, already)):
                self._send_group(role, signal.SIGKILL)
            if role.pid:
                time.sleep(0.02)

    def _send(self, role: Role, number: int) -> None:
        if role.pid:
            with suppress(ProcessLookupError):
                os.kill(role.pid, number)

    def _send_group(self, role: Role, number: int) -> None:
        if role.pid:
            with suppress(ProcessLookupError):
                os.killpg(role.pid, number)


def role_command(role: str, home: Path) -> list[str]:
    """The command line of a role process."""
    return [sys.executable, "-m", "xinfer.launch.role", role, str(home)]


def _describe(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
