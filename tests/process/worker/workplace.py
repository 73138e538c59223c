"""A node folder with a worker process in it, an assignment to change and reports to read.

Engines are counted from outside, by an environment variable that all descendants carry.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil

from tests.process.appliance import wait_until
from xinfer.domain.cluster import ClusterSettings, LogSettings, Settings
from xinfer.domain.home import Home
from xinfer.domain.model import ModelSpec, Restart
from xinfer.domain.node import NodeReport
from xinfer.domain.replica import Phase, ReplicaStatus
from xinfer.domain.state import AssignedReplica, Assignment

ROOT = Path(__file__).parents[3]
MARK = "XINFER_TEST_MARK"
QUICK = Restart(max_failures=3, backoff_s=0.1, backoff_max_s=1.0)


def spec(uid: str = "one", **more: Any) -> ModelSpec:
    options = {name: more.pop(name) for name in list(more) if name in OPTIONS}
    defaults: dict[str, Any] = {"restart": QUICK, "engine": "fake", "options": options}
    return ModelSpec(uid=uid, **{**defaults, **more})


OPTIONS = {"mode", "value", "grace_s", "program"}


class Workplace:
    def __init__(self, folder: Path, *, orphan_grace_s: float = 30.0, log_bytes: int = 0) -> None:
        self.folder = folder
        self.home = Home(folder / "home")
        self.mark = uuid.uuid4().hex
        self.worker: subprocess.Popen[bytes] | None = None
        self.revision = 0
        settings = Settings(
            home=self.home.root,
            cluster=ClusterSettings(orphan_grace_s=orphan_grace_s, report_interval_s=0.3),
            log=LogSettings(engine_max_bytes=log_bytes or 1_000_000),
        )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "settings.json").write_bytes(msgspec.json.encode(settings, enc_hook=str))

    def start(self) -> Workplace:
        with (self.folder / "worker.log").open("ab") as output:
            self.worker = subprocess.Popen(
                [sys.executable, "-m", "tests.process.worker.worker_process", str(self.folder)],
                cwd=ROOT,
                env={**os.environ, MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return self

    def kill_worker(self) -> None:
        assert self.worker is not None
        self.worker.kill()
        self.worker.wait()

    def assign(self, *specs: ModelSpec) -> None:
        self.revision += 1
        assignment = Assignment(
            node="local",
            revision=self.revision,
            replicas=tuple(
                AssignedReplica(uid=each.uid, index=0, node="local", spec=each) for each in specs
            ),
        )
        temporary = self.folder / "assignment.tmp"
        temporary.write_bytes(msgspec.json.encode(assignment))
        temporary.replace(self.folder / "assignment.json")

    def lose_supervisor(self) -> None:
        (self.folder / "assignment.json").unlink()

    def report(self) -> NodeReport | None:
        try:
            raw = (self.folder / "report.json").read_bytes()
        except FileNotFoundError:
            return None
        return msgspec.json.decode(raw, type=NodeReport)

    def replica(self, uid: str = "one") -> ReplicaStatus | None:
        report = self.report()
        found = [each for each in report.replicas if each.uid == uid] if report else []
        return found[0] if found else None

    def wait(
        self,
        phase: Phase,
        uid: str = "one",
        also: Callable[[ReplicaStatus], Any] = lambda _: True,
        timeout_s: float = 60.0,
    ) -> ReplicaStatus:
        def there() -> ReplicaStatus | None:
            found = self.replica(uid)
            return found if found and found.phase is phase and also(found) else None

        try:
            return wait_until(f"{uid} {phase}", there, timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.replica(uid)}\n{self.words()}") from None

    def wait_gone(self, uid: str = "one", timeout_s: float = 60.0) -> None:
        wait_until(f"{uid} gone", lambda: self.report() and not self.replica(uid), timeout_s)

    def processes(self, words: str) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and words in " ".join(
                    process.cmdline()
                ):
                    found += [process] if process.environ().get(MARK) == self.mark else []
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def engines(self) -> list[psutil.Process]:
        return self.processes("fake_engine.py")

    def shims(self) -> list[psutil.Process]:
        return self.processes("xinfer: shim")

    def words(self) -> str:
        return (self.folder / "worker.log").read_text(errors="replace")[-6000:]

    def destroy(self) -> None:
        if self.worker is not None and self.worker.poll() is None:
            self.kill_worker()
        while left := self.processes(""):
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)
            time.sleep(0.02)
