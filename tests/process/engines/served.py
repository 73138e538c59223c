"""An engine's process, started from the command that its adapter makes."""

from __future__ import annotations

import http.client
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil

from tests.process.appliance import free_port
from xinfer.domain.engine import Command, Files, Launch
from xinfer.domain.model import ModelSpec
from xinfer.domain.node import Machine
from xinfer.engines.registry import Registry

_LOOKS = 25

MACHINE = Machine(
    cores=1,
    memory_total_bytes=8 * 2**30,
    memory_available_bytes=4 * 2**30,
    system=platform.system().lower(),
)
"""With one core: threads that share processors with other programs mostly wait for each other."""


def wait_until(what: str, check: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (value := check()):
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s in vain for: {what}"
        time.sleep(0.02)
    return value


def is_idle(process: psutil.Process) -> bool:
    """Whether it hardly wants a processor for half a second.

    A thread that waits for its turn counts: by the time it computed, one that others have starved
    would look as if it had ended.
    """
    threads = Path(f"/proc/{process.pid}/task")
    if not threads.exists():
        return process.cpu_percent(interval=0.5) < 10
    wanted = 0
    for _ in range(_LOOKS):
        wanted += any(_is_runnable(thread / "stat") for thread in threads.iterdir())
        time.sleep(0.5 / _LOOKS)
    return wanted < _LOOKS / 2


def _is_runnable(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "R"
    except OSError:  # it has ended
        return False


def send(address: str, path: str, body: Any) -> socket.socket:
    """A request whose reply nobody has read yet."""
    host, _, port = address.partition(":")
    connection = socket.create_connection((host, int(port)), timeout=60)
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    connection.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    return connection


def command(
    spec: ModelSpec, files: Files | None, python: str, endpoint: Path, port: int = 0
) -> Command:
    """What the adapter of the engine would run on `MACHINE`."""
    launch = Launch(
        spec=spec,
        replica_id=f"{spec.uid}-rep0",
        machine=MACHINE,
        files=files,
        host="127.0.0.1",
        port=port,
        endpoint_file=endpoint,
        python=python,
    )
    return Registry().get(spec.engine).command(launch)


class Served:
    """`alter` changes the command line before it is started."""

    process: subprocess.Popen[bytes] | psutil.Process

    def __init__(
        self,
        folder: Path,
        spec: ModelSpec,
        files: Files | None = None,
        *,
        python: str = sys.executable,
        alter: Callable[[tuple[str, ...]], tuple[str, ...]] = tuple,
    ) -> None:
        self._endpoint = folder / "endpoint"
        self._log = folder / "engine.log"
        port = free_port()
        self.command: Command = command(spec, files, python, self._endpoint, port)
        self._static = f"127.0.0.1:{port}"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                alter(self.command.argv),
                cwd=folder,
                env={**os.environ, **self.command.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def address(self) -> str:
        if not self.command.announces:
            return self._static
        wait_until("the address", lambda: self._endpoint.exists() or self._dead())
        return self._endpoint.read_text()

    def ready(self, timeout_s: float = 60.0) -> Served:
        wait_until("the engine", lambda: self._answers() or self._dead(), timeout_s)
        return self

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and decoded reply; a stream comes as the list of its events."""
        with closing(http.client.HTTPConnection(self.address, timeout=60)) as connection:
            verb = "GET" if body is None else "POST"
            head = {"Content-Type": "application/json"}
            connection.request(verb, path, json.dumps(body) if body is not None else None, head)
            reply = connection.getresponse()
            data = reply.read()
        if reply.getheader("Content-Type", "").startswith("text/event-stream"):
            lines = [line[6:] for line in data.decode().splitlines() if line.startswith("data: ")]
            assert lines[-1] == "[DONE]"
            return reply.status, [json.loads(line) for line in lines[:-1]]
        return reply.status, json.loads(data)

    def chat(self, **more: Any) -> Any:
        messages = [{"role": "user", "content": "Say hello."}]
        body = {"model": "chat", "messages": messages, "max_tokens": 8, "temperature": 0, **more}
        status, reply = self.ask("/v1/chat/completions", body)
        assert status == 200, reply
        return reply

    def send(self, path: str, body: Any) -> socket.socket:
        """A request whose reply nobody has read yet."""
        return send(self.address, path, body)

    def ended(self) -> int:
        return self.process.wait(timeout=60)

    def destroy(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _answers(self) -> bool:
        try:
            with closing(http.client.HTTPConnection(self.address, timeout=10)) as connection:
                connection.request("GET", self.command.ready_path)
                return connection.getresponse().status == 200
        except OSError:
            return False

    def _dead(self) -> bool:
        assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.log}"
        return False
