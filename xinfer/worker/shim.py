"""The shim: parent of one engine. It outlives the worker; the engine never outlives it.

Run as `python -I shim.py <replica folder>` with the launch's id in XINFER_LAUNCH. It imports
nothing but a few light modules of the standard library, because one runs per replica: no `pathlib`,
`logging`, `subprocess` or `dataclasses`, which would double its memory. What a kill at each line
leaves behind is told in DESIGN.md.
"""

# ruff: noqa: PTH105, PTH108, PTH110, PTH116, PTH123
from __future__ import annotations

import ctypes
import fcntl
import importlib.machinery
import importlib.util
import json
import os
import select
import signal
import sys
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SUPERSEDED = 76
"""Exit status when the folder holds another launch than the one this shim was started for."""

_LINUX = sys.platform.startswith("linux")
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_OOM_SCORE = "200"
_CHUNK = 65536
_TICK_S = 1.0
_STALL_S = 5.0
_REAP_S = 10.0


def birth(pid: int) -> str | None:
    """A text that identifies a process together with its pid, across clock changes and reboots.

    None when none is alive (a zombie is not), or where the system has no /proc.
    """
    stat, boot = _lines(f"/proc/{pid}/stat"), _lines("/proc/sys/kernel/random/boot_id")
    if not stat or not boot:
        return None
    fields = stat[0].rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot[0].strip()}:{fields[19]}"


def oom_kills() -> int | None:
    """How many processes the kernel has killed for memory in our control group; None = unknown."""
    places = ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"]
    for line in _lines("/proc/self/cgroup"):
        number, controllers, group = line.rstrip("\n").split(":", 2)
        if number == "0":
            places.insert(0, f"/sys/fs/cgroup{group}/memory.events")
        elif "memory" in controllers.split(","):
            places.insert(0, f"/sys/fs/cgroup/memory{group}/memory.oom_control")
    for place in places:
        for line in _lines(place):
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    return None


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readlines()
    except OSError:
        return []


def write_atomically(path: str, value: dict[str, Any]) -> None:
    """Write JSON that a reader sees whole or not at all, also when the writer is killed."""
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(temporary, path)


class RotatingLog:
    """Appends bytes to `path`; at `max_bytes` the file becomes `path.1`, and so on, `files` in all.

    A full disk must not end or block the engine: what cannot be written is counted, and the count
    is written once there is room again.
    """

    def __init__(self, path: str, max_bytes: int, files: int) -> None:
        self._path = path
        self._max_bytes = max(1, max_bytes)
        self._files = max(1, files)
        self._descriptor = -1
        self._size = 0
        self._lost = 0

    def write(self, data: bytes) -> None:
        note = f"[{self._lost} bytes of log lost: no space]\n".encode() if self._lost else b""
        try:
            self._make_room(len(data))
            rest = note + data
            while rest:
                written = os.write(self._descriptor, rest)
                self._size += written
                rest = rest[written:]
            self._lost = 0
        except OSError:
            self._lost += len(data)

    def _make_room(self, length: int) -> None:
        if self._descriptor < 0:
            self._open()
        if self._size == 0 or self._size + length <= self._max_bytes:
            return
        os.close(self._descriptor)
        self._descriptor = -1
        names = [self._path, *(f"{self._path}.{number}" for number in range(1, self._files))]
        for older, newer in zip(names[:0:-1], names[-2::-1], strict=True):
            if os.path.exists(newer):
                os.replace(newer, older)
        if self._files == 1:
            os.unlink(self._path)
        self._open()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o600)
        self._size = os.fstat(self._descriptor).st_size


class Lease:
    """Whether a worker still renews the node's lease, judged by a clock that suspend stops."""

    def __init__(self, path: str, grace_s: float, now: float) -> None:
        self._path = path
        self._grace_s = grace_s
        self._stamp = self._read()
        self._renewed = self._checked = now

    def expired(self, now: float) -> bool:
        """To be asked about once a second; a long silence of ours is not the worker's."""
        stamp = self._read()
        if stamp != self._stamp or now - self._checked > _STALL_S:
            self._stamp, self._renewed = stamp, now
        self._checked = now
        return now - self._renewed > self._grace_s

    def _read(self) -> int:
        try:
            return os.stat(self._path).st_mtime_ns
        except OSError:
            return 0


class Shim:
    """The life of one engine process, from fork to exit record."""

    def __init__(self, folder: str, order: dict[str, Any]) -> None:
        self._folder = folder
        self._order = order
        self._log = RotatingLog(f"{folder}/engine.log", order["log_max_bytes"], order["log_files"])
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._oom_before = oom_kills()
        self._wake_read, wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        self._asked = self._error = ""
        self._terminated = False
        self._kill_at: float | None = None
        self._engine = 0
        self._output = -1
        self._status = 0
        self._usage: Any = None

    def start(self) -> None:
        """Fork the engine, record it, and only then let it become the engine."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if _LINUX:
            self._libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._output, output_write = os.pipe()
        go_read, go_write = os.pipe()
        error_read, error_write = os.pipe()
        parent = os.getpid()
        self._engine = os.fork()
        if self._engine == 0:
            os.close(go_write)
            self._become_engine(parent, go_read, output_write, error_write)
        for descriptor in (go_read, output_write, error_write):
            os.close(descriptor)
        self._write_record()
        words = " ".join([self._order["launch"], time.strftime("%FT%T%z"), *self._order["argv"]])
        self._log.write(f"--- launch {words}\n".encode())
        os.write(go_write, b"1")
        os.close(go_write)
        self._error = os.read(error_read, 4096).decode(errors="replace")
        os.close(error_read)

    def _become_engine(self, parent: int, go: int, output: int, error: int) -> None:
        """In the child: wait to be recorded, then execute. Never returns."""
        try:
            os.setsid()
            if _LINUX:
                self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                # When memory runs out, the kernel should take the engine, not what watches it.
                with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
                    file.write(_OOM_SCORE)
            # End-of-file instead of the go: the shim died before it could say who we are.
            if os.read(go, 1) != b"1" or os.getppid() != parent:
                os._exit(SUPERSEDED)
            for number in (signal.SIGPIPE, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            null = os.open(os.devnull, os.O_RDONLY)
            for source, target in ((null, 0), (output, 1), (output, 2)):
                os.dup2(source, target)
            os.chdir(self._order["cwd"])
            argv = self._order["argv"]
            os.execvpe(argv[0], argv, {**os.environ, **self._order["env"]})
        except BaseException as failure:  # noqa: BLE001 - a fork must never run the parent's code
            os.write(error, str(failure).encode()[:4000])
        os._exit(127)

    def _write_record(self) -> None:
        record = {
            "launch": self._order["launch"],
            "digest": self._order["digest"],
            "shim_pid": os.getpid(),
            "shim_born": birth(os.getpid()),
            "engine_pid": self._engine,
            "engine_born": birth(self._engine),
            "pgid": self._engine,
            "started_s": time.time(),
            "oom_kills": self._oom_before,
        }
        write_atomically(f"{self._folder}/shim.json", record)

    def run(self) -> None:
        """Pump the log and keep watch until the engine has ended; then clear up and record it."""
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        poll.register(self._output, select.POLLIN)
        lease = Lease(self._order["lease"], self._order["orphan_grace_s"], time.monotonic())
        while not self._ended():
            due_s = self._kill_at - time.monotonic() if self._kill_at else _TICK_S
            for descriptor, _ in poll.poll(1000 * max(0.01, min(_TICK_S, due_s))):
                if descriptor == self._wake_read:
                    os.read(self._wake_read, 4096)
                elif not self._pump():
                    poll.unregister(self._output)
            now = time.monotonic()
            if lease.expired(now):
                self._asked = self._asked or "lease"
            self._press_on(now)
        self._finish()

    def _on_stop(self, *_: object) -> None:
        self._asked = self._asked or "stop"

    def _press_on(self, now: float) -> None:
        """SIGTERM once when asked to stop, SIGKILL when the grace is over."""
        if self._asked and not self._terminated:
            self._terminated = True
            self._kill_at = now + float(self._order["stop_grace_s"])
            self._signal_group(signal.SIGTERM)
        elif self._kill_at is not None and now >= self._kill_at:
            self._kill_at = now + _TICK_S
            self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._engine, number)

    def _pump(self) -> bool:
        data = os.read(self._output, _CHUNK)
        self._log.write(data)
        return bool(data)

    def _ended(self) -> bool:
        """Reap what has ended: the engine's orphans, ours as their subreaper, and the engine."""
        while self._usage is None:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self._engine:
                self._status, self._usage = status, usage
        return True

    def _finish(self) -> None:
        ended_s = time.time()
        self._signal_group(signal.SIGKILL)
        _end_children(time.monotonic() + _REAP_S)
        self._drain()
        code = os.waitstatus_to_exitcode(self._status)
        peak = self._usage.ru_maxrss if self._usage else 0
        record = {
            "launch": self._order["launch"],
            "code": code if code >= 0 else None,
            "signal": -code if code < 0 else None,
            "ended_s": ended_s,
            "asked": self._asked,
            "error": self._error,
            "engine_pid": self._engine,
            "oom_kills_before": self._oom_before,
            "oom_kills_after": oom_kills(),
            "peak_rss_bytes": peak * (1024 if _LINUX else 1),
        }
        write_atomically(f"{self._folder}/exit.json", record)

    def _drain(self) -> None:
        """Keep what the engine wrote last; a stranger may hold the other end of the pipe."""
        os.set_blocking(self._output, False)
        deadline = time.monotonic() + _TICK_S
        with suppress(BlockingIOError):
            while time.monotonic() < deadline and self._pump():
                continue


def _end_children(deadline: float) -> None:
    """Kill all that the engine left, generation by generation, as they become our children."""
    while time.monotonic() < deadline:
        try:
            for line in _lines(f"/proc/self/task/{os.getpid()}/children"):
                for pid in line.split():
                    os.kill(int(pid), signal.SIGKILL)
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.005)
        except (ChildProcessError, PermissionError):
            return


def _set_title(title: str) -> None:
    """Name the process in `ps`. Only the extension module is loaded: its package imports logging.

    SPT_NOENV, which the engine inherits, keeps environments readable: leftovers of a launch are
    found by it.
    """
    os.environ["SPT_NOENV"] = "1"
    package = importlib.util.find_spec("setproctitle")
    places = list(package.submodule_search_locations or []) if package else []
    found = importlib.machinery.PathFinder.find_spec("_setproctitle", places)
    if found is not None and found.loader is not None:
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        module.setproctitle(title)


def main(folder: str) -> int:
    """Detach, then be the shim of `folder`. The first process ends once the engine is recorded.

    Its status: 0 the record is written, SUPERSEDED, or 1 with a traceback on stderr.
    """
    started_read, started_write = os.pipe()
    if os.fork():
        os.close(started_write)
        reply = os.read(started_read, 1)
        return reply[0] if reply else 1
    os.setsid()
    status = _be_shim(folder, started_write)
    if status:
        os.write(started_write, bytes([status]))
    return status


def _be_shim(folder: str, started: int) -> int:
    # Held until this process is gone, however it ends: the lock, not a pid, says that it lives.
    lock = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with open(f"{folder}/launch.json", encoding="utf-8") as file:
            order = json.load(file)
    except FileNotFoundError:
        return SUPERSEDED
    if order["launch"] != os.environ.get("XINFER_LAUNCH"):
        return SUPERSEDED
    _set_title(order["title"])
    shim = Shim(folder, order)
    shim.start()
    os.write(started, b"\0")
    os.close(started)
    shim.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
