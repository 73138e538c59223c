"""A whole installation in a folder of its own, as a user would start it, to use and to break.

Every process that descends from it carries an environment variable with a unique mark, so that a
test can count them independently of what the product believes.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
MARK = "XINFER_TEST_MARK"

_PORTS = range(20_000, 32_768)
"""Below those that the system gives to whoever asks for any, so that nobody gets one by chance."""
_HELD: deque[socket.socket] = deque()
_MOST_HELD = 100


def free_port() -> int:
    """A port that nobody listens on, and that no other test process is given meanwhile.

    It is one's own as long as its namesake for datagrams is: for the next hundred ports or so.
    """
    while True:
        port = secrets.choice(_PORTS)
        held = socket.socket(type=socket.SOCK_DGRAM)
        try:
            held.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            held.close()
            continue
        _HELD.append(held)
        if len(_HELD) > _MOST_HELD:
            _HELD.popleft().close()
        return port


def wait_until(what: str, check: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """The first true value of `check()`; fails naming `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:.0f} s in vain for: {what}")
        time.sleep(0.05)


class Appliance:
    """One home, one port, one recipe. Start and stop it any number of times."""

    programs = BIN
    """Where the programs of this installation are."""

    def __init__(self, folder: Path, recipe: Path | str | None, *overrides: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.home = folder / "home"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.mark = uuid.uuid4().hex
        self.output = folder / "output.txt"
        self.launcher: subprocess.Popen[bytes] | None = None
        self._overrides = [f"cluster.port={self.port}", *overrides]
        if isinstance(recipe, str):
            path = folder / "recipe.yaml"
            path.write_text(recipe, encoding="utf-8")
            recipe = path
        self.recipe = recipe

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith(("XINFER_", "XINFERENCE_"))},
            MARK: self.mark,
            # Without it setproctitle writes titles over the environment, where the mark is.
            "SPT_NOENV": "1",
            "XINFER_HOME": str(self.home),
            "XINFER_ENDPOINT": self.url,
        }

    def command(self, *more: str) -> list[str]:
        recipe = [str(self.recipe)] if self.recipe else []
        return [str(self.programs / "xinfer-up"), *recipe, *self._overrides, *more]

    def command_line(self, *more: str) -> list[str]:
        """The same for `run`, which finds the program itself."""
        return ["xinfer-up", *self.command(*more)[1:]]

    def start(self, *more: str) -> Appliance:
        """Start in the foreground without waiting."""
        with self.output.open("ab") as output:
            self.launcher = subprocess.Popen(
                self.command(*more),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def run(
        self, *command: str, timeout_s: float = 120.0, text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run one of our programs (`xinfer`, `xinfer-up`) in this installation's environment.

        `text` is its standard input.
        """
        return subprocess.run(
            [str(self.programs / command[0]), *command[1:]],
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and JSON (or text) of one request; status 0 when nothing answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}{path}",
            data=data,
            method=method,
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                status, raw = reply.status, reply.read()
        except urllib.error.HTTPError as error:
            status, raw = error.code, error.read()
        except (OSError, urllib.error.URLError):
            return 0, None
        try:
            return status, json.loads(raw)
        except ValueError:
            return status, raw.decode(errors="replace")

    def chat(self, model: str, content: str = "hello there", **more: Any) -> tuple[int, Any]:
        body = {"model": model, "messages": [{"role": "user", "content": content}], **more}
        return self.request("POST", "/v1/chat/completions", body)

    def models(self) -> dict[str, dict[str, Any]]:
        status, body = self.request("GET", "/v1/models")
        return {model["id"]: model for model in body["data"]} if status == 200 else {}

    def wait_ready(self, replicas: Mapping[str, int], timeout_s: float = 120.0) -> None:
        """Until exactly these models are ready, each with this many ready replicas."""

        def as_wanted() -> bool:
            models = self.models()
            return set(models) == set(replicas) and all(
                models[uid]["state"] == "ready" and models[uid]["replicas_ready"] == count
                for uid, count in replicas.items()
            )

        try:
            wait_until(f"{dict(replicas)} ready", as_wanted, timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.models()}\n{self.transcript()}") from None

    def processes(self, title: str = "") -> list[psutil.Process]:
        """Every living process of this installation whose command line contains `title`."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                if process.environ().get(MARK) == self.mark and title in " ".join(
                    process.cmdline()
                ):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def interrupt(self, number: int = signal.SIGINT, timeout_s: float = 120.0) -> int:
        """Signal the launcher and wait for its exit status."""
        assert self.launcher is not None
        self.launcher.send_signal(number)
        return self.launcher.wait(timeout_s)

    def transcript(self) -> str:
        logs = [self.output, *sorted((self.home / "logs").glob("*.log"))]
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-4000:]}"
            for path in logs
            if path.exists()
        )

    def destroy(self) -> None:
        """End whatever is left, by its mark, at once; for teardown."""
        while left := self.processes():
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(left, timeout=1)
        if self.launcher is not None:
            self.launcher.wait()


def titles(processes: Sequence[psutil.Process]) -> list[str]:
    """Command lines, for messages."""
    lines = []
    for process in processes:
        try:
            lines.append(f"{process.pid} {' '.join(process.cmdline())}")
        except psutil.NoSuchProcess:
            continue
    return lines
