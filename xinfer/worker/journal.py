"""The replica folders: what was launched, what its shim recorded, and whether the shim lives.

These files are how a worker that was killed finds its replicas again. Standard library only, so
that the launcher can read them too.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from xinfer.domain.home import Home
from xinfer.worker.shim import write_atomically

LAUNCH_VARIABLE = "XINFER_LAUNCH"
"""Environment variable by which every process of a launch can be told, wherever it moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`launch.json`: one start of one replica. Written by the worker, obeyed by the shim.

    `launch` is unique per start. The fields after `title` are for the worker that adopts it.
    """

    launch: str
    digest: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    stop_grace_s: float
    lease: str
    orphan_grace_s: float
    log_max_bytes: int
    log_files: int
    title: str
    replica_id: str
    uid: str
    index: int
    host: str
    port: int
    announces: bool = False
    ready_path: str = "/health"
    served_model: str | None = None
    slots: int | None = None
    context: int | None = None
    gauges: Mapping[str, str] = field(default_factory=dict)
    whole_by_stream: bool = False
    launch_timeout_s: float = 1800.0
    drain_timeout_s: float = 30.0
    ordered_s: float = 0.0
    devices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShimRecord:
    """`shim.json`: the processes of a launch. A birth identifies a process beside its pid."""

    launch: str
    shim_pid: int
    engine_pid: int
    pgid: int
    started_s: float
    shim_born: str | None = None
    engine_born: str | None = None
    oom_kills: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRecord:
    """`exit.json`: how an engine ended. `asked` is empty, "stop" or "lease"; `error` is set when
    the program could not be executed at all.
    """

    launch: str
    ended_s: float
    code: int | None = None
    signal: int | None = None
    asked: str = ""
    error: str = ""
    engine_pid: int = 0
    oom_kills_before: int | None = None
    oom_kills_after: int | None = None
    peak_rss_bytes: int = 0


_Record = TypeVar("_Record", Order, ShimRecord, ExitRecord)


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of one replica. Records of an earlier launch than the ordered one do not count."""

    path: Path

    @property
    def replica_id(self) -> str:
        return self.path.name

    @property
    def log(self) -> Path:
        return self.path / "engine.log"

    @property
    def shim_log(self) -> Path:
        """What the shim itself had to say: a traceback, or nothing."""
        return self.path / "shim.log"

    @property
    def lock(self) -> Path:
        """Held by the shim for its life."""
        return self.path / "lock"

    @property
    def endpoint(self) -> Path:
        """Where an engine that binds its own port announces `host:port`."""
        return self.path / "endpoint"

    @property
    def memo(self) -> Path:
        return self.path / "memo.json"

    def make(self) -> None:
        """Create the folder unless it is there, readable by its owner only. Raises OSError."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def order(self) -> Order | None:
        return _read(self.path / "launch.json", Order)

    def shim(self) -> ShimRecord | None:
        return self._of_launch(_read(self.path / "shim.json", ShimRecord))

    def exit(self) -> ExitRecord | None:
        return self._of_launch(_read(self.path / "exit.json", ExitRecord))

    def _of_launch(self, record: _Record | None) -> _Record | None:
        order = self.order()
        return record if record and order and record.launch == order.launch else None

    def write_order(self, order: Order) -> None:
        """Only while the folder's lock is held; see `hold`."""
        self.endpoint.unlink(missing_ok=True)
        write_atomically(str(self.path / "launch.json"), asdict(order))

    def void_order(self) -> None:
        """Forget the launch: a shim that is still on its way then ends by itself."""
        for name in ("launch.json", "shim.json", "exit.json", "memo.json", "endpoint"):
            (self.path / name).unlink(missing_ok=True)

    @contextmanager
    def hold(self) -> Iterator[bool]:
        """Take the lock that a shim holds for its life; yields False when a shim lives."""
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    def is_live(self) -> bool:
        """Whether a shim lives here. The kernel keeps this true, whatever was killed when."""
        if not self.path.is_dir():
            return False
        with self.hold() as held:
            return not held

    def remove(self) -> None:
        """Delete everything, logs too."""
        shutil.rmtree(self.path, ignore_errors=True)


def kept_assignment(home: Home) -> Path:
    """Where a worker keeps what it was told to run, to outlive a supervisor that is away."""
    return home.run / "assignment.json"


@dataclass(frozen=True, slots=True)
class Journal:
    """All replica folders of a home."""

    home: Home

    def folder(self, replica_id: str) -> Folder:
        return Folder(self.home.replica(replica_id))

    def folders(self) -> tuple[Folder, ...]:
        try:
            return tuple(Folder(path) for path in sorted(self.home.replicas.iterdir()))
        except FileNotFoundError:
            return ()


def _read(path: Path, kind: type[_Record]) -> _Record | None:
    """The record, or None when there is none, or none that this version understands."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known = {each.name for each in fields(kind)}
        return kind(**{name: value for name, value in found.items() if name in known})
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, AttributeError):
        return None
