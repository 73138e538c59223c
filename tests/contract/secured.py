"""An installation that asks for keys, and callers of every kind for it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from tests.process.appliance import Appliance, wait_until

RECIPE = """
defaults: [base]
auth: {mode: "on"}
gateway: {workers: 2}
models:
  a: {engine: echo}
  b: {engine: echo}
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """`said` is the body as text."""

    status: int
    headers: Mapping[str, str]
    said: str


class Secured(Appliance):
    """Calls go out with the admin key unless they bring their own headers."""

    _lines: Sequence[http.client.HTTPConnection] = ()

    @property
    def admin_key(self) -> str:
        return (self.home / "run" / "admin.key").read_text().strip()

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        if headers is None:
            try:
                headers = bearer(self.admin_key)
            except FileNotFoundError:
                return 0, None
        return super().request(method, path, body, headers)

    def call(self, method: str, path: str, key: str | None, body: Any = None) -> Reply:
        """One request on a connection of its own, so that any process may answer it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {} if key is None else bearer(key))
            reply = connection.getresponse()
            said = reply.read().decode(errors="replace")
            return Reply(reply.status, {k.lower(): v for k, v in reply.getheaders()}, said)
        finally:
            connection.close()

    def lines(self) -> list[http.client.HTTPConnection]:
        """A new connection to each process that serves, which stays with it."""
        workers = {worker.pid: worker for worker in self.processes("xinfer: supervisor worker")}
        found: dict[int, http.client.HTTPConnection] = {}
        for _ in range(200):
            line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            # Answered, it is no longer on its way to whoever takes it first.
            on_line(line, "GET", "/health", "")
            port = line.sock.getsockname()[1]
            # Opened again it would be anybody's.
            line.auto_open = 0
            holders = [
                pid
                for pid, worker in workers.items()
                if any(end.raddr and end.raddr.port == port for end in worker.net_connections())
            ]
            if len(holders) == 1 and holders[0] not in found:
                found[holders[0]] = line
            else:
                line.close()
            if len(found) == len(workers):
                return list(found.values())
        raise AssertionError(f"of {list(workers)} only {list(found)} took connections")

    def everywhere(self, key: str) -> set[int]:
        """How each process answers to this credential; nothing while one of them is not there."""
        self._lines = self._lines or self.lines()
        try:
            return {on_line(line, "GET", "/v1/auth/me", key) for line in self._lines}
        except (OSError, http.client.HTTPException, psutil.Error):
            for line in self._lines:
                line.close()
            self._lines = []
            return set()

    def key(self, name: str, **more: Any) -> tuple[int, str]:
        """A new API key that every process knows: its id and itself."""
        status, made = self.request("POST", "/v1/admin/keys", {"name": name, **more})
        assert status == 201, made
        self.await_everywhere(made["key"], 200)
        return made["id"], made["key"]

    def await_everywhere(self, key: str, status: int, timeout_s: float = 30.0) -> None:
        """Until every process answers this credential with this status."""
        wait_until(f"{status} of each process", lambda: self.everywhere(key) == {status}, timeout_s)


def on_line(
    line: http.client.HTTPConnection, method: str, path: str, key: str, body: Any = None
) -> int:
    """The status of one request on a kept connection."""
    line.request(method, path, None if body is None else json.dumps(body), bearer(key))
    reply = line.getresponse()
    reply.read()
    return reply.status


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
