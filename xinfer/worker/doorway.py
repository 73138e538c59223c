"""Keeps the door of one replica open for as long as it serves; see `door`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

import psutil

from xinfer.domain.way import OPTIONS
from xinfer.worker import door
from xinfer.worker.journal import LAUNCH_VARIABLE, Folder, Order
from xinfer.worker.kit import Kit

_LOOK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    launch: str
    address: str
    pid: int


class Doorway:
    """`address` is where other hosts reach the replica; None while the door is not open."""

    def __init__(self, folder: Folder, order: Order, kit: Kit) -> None:
        self.address: str | None = None
        self._folder = folder
        self._order = order
        self._kit = kit
        self._next = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def look(self, engine: str | None) -> None:
        """Open the door, or open it again, if `engine` serves; costs little and never waits."""
        host = self._kit.door_host
        now = self._kit.monotonic()
        if host is None or engine is None or now < self._next:
            return
        self._next = now + _LOOK_S
        said = self._said()
        if said is not None and self._lives(said.pid):
            self.address = said.address
            return
        self.address = None
        if self._process is None or self._process.poll() is not None:
            self._open(host, engine)
            self._next = now

    def _said(self) -> _Said | None:
        try:
            found = _Said(**json.loads((self._folder.path / "door").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return found if found.launch == self._order.launch else None

    def _lives(self, pid: int) -> bool:
        """Whether the process that wrote the file is there, opened by this worker or another."""
        try:
            process = psutil.Process(pid)
            line = " ".join(process.cmdline())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False
        return self._order.launch in line and process.status() != psutil.STATUS_ZOMBIE

    def _open(self, host: str, engine: str) -> None:
        with self._folder.shim_log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", door.__file__, str(self._folder.path)),
                    *(self._order.launch, host, engine, json.dumps(OPTIONS)),
                ],
                env={
                    **os.environ,
                    # The mark by which what is left of a launch is found and ended.
                    LAUNCH_VARIABLE: self._order.launch,
                    door.SECRET_VARIABLE: self._kit.secret(self._order.replica_id),
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
