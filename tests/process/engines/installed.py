"""An engine that a whole installation has launched: seen in itself, asked through the gateway."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from tests.process.appliance import Appliance
from tests.process.engines.served import MACHINE, Served, command, send, wait_until
from xinfer.domain.engine import Files
from xinfer.domain.model import ModelSpec

_EVENTS = 3
"""After so many of a stream there was a token: the first may only name the role."""
_ENDS_WITHIN_S = 20.0
"""More than the second that it should take, for machines that others use too; a reply that nobody
ends takes minutes.
"""


def install(folder: Path, specs: list[ModelSpec], files: Files, python: str) -> Appliance:
    """An installation that launches these models; it need not be ready yet."""
    models = {
        spec.uid: {
            "engine": spec.engine,
            "kind": str(spec.kind),
            "source": {"path": str(files.root)},
            "engine_kwargs": dict(spec.options),
            "env": {"OMP_NUM_THREADS": str(MACHINE.cores)},
        }
        for spec in specs
    }
    engines = {spec.engine: {"env": python} for spec in specs}
    # A recipe is YAML, and so is JSON.
    return Appliance(folder, json.dumps({"engine": engines, "models": models})).start()


class Installed(Served):
    """The one replica of a model. Its `address` is the engine's own."""

    process: psutil.Process

    def __init__(self, one: Appliance, spec: ModelSpec, files: Files, python: str) -> None:
        self._one = one
        self._spec = spec
        self.command = command(spec, files, python, one.home / "endpoint")

    def ready(self, timeout_s: float = 60.0) -> Installed:
        wait_until(
            "the engine",
            lambda: self._one.models().get(self._spec.uid, {}).get("state") == "ready",
            timeout_s,
        )
        port = int(self.address.rpartition(":")[2])
        self.process = next(
            psutil.Process(each.pid)
            for each in psutil.net_connections("tcp")
            if each.status == psutil.CONN_LISTEN and each.laddr.port == port
        )
        return self

    @property
    def address(self) -> str:
        return str(self._one.models()[self._spec.uid]["address"])

    def send_by_gateway(self, path: str, body: Any) -> socket.socket:
        """A request whose reply nobody has read yet."""
        return send(f"127.0.0.1:{self._one.port}", path, {"model": self._spec.uid, **body})

    def by_gateway(self, path: str, body: Any, head: dict[str, str]) -> tuple[int, Any]:
        """Status and decoded reply."""
        return self._one.request("POST", path, body, head)

    def destroy(self) -> None:
        self._one.destroy()

    def outlives_a_client(
        self, *, stream: bool, long: dict[str, Any], short: int, is_idle: Callable[[], bool]
    ) -> None:
        """A client hangs up on a `long` reply, which ends, while another gets `short` tokens whole.

        `is_idle()` says whether the engine generates for nobody.
        """
        messages = [{"role": "user", "content": "Tell me a story about a fox."}]
        wanted = {"messages": messages, "max_tokens": short, "temperature": 0}
        path = "/v1/chat/completions"
        leaving = self.send_by_gateway(path, {**wanted, **long, "stream": stream})
        heard = b""
        while stream and heard.count(b"data:") < _EVENTS:
            heard += leaving.recv(65536)
        wait_until("the generation", lambda: not is_idle())
        with ThreadPoolExecutor(1) as others:
            other = others.submit(self._one.chat, self._spec.uid, **wanted)
            leaving.close()
            status, reply = other.result()
        assert (status, reply["usage"]["completion_tokens"]) == (200, short), reply
        wait_until("its end", is_idle, _ENDS_WITHIN_S)
