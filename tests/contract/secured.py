"""An installation that asks for keys, and callers of every kind for it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {} if key is None else bearer(key))
            reply = connection.getresponse()
            said = reply.read().decode(errors="replace")
            return Reply(reply.status, {k.lower(): v for k, v in reply.getheaders()}, said)
        finally:
            connection.close()

    def key(self, name: str, **more: Any) -> tuple[int, str]:
        """A new API key that every process knows: its id and itself."""
        status, made = self.request("POST", "/v1/admin/keys", {"name": name, **more})
        assert status == 201, made
        self.await_everywhere(made["key"], 200)
        return made["id"], made["key"]

    def await_everywhere(self, key: str, status: int) -> None:
        """Until every process answers this key with this status."""

        def all_agree() -> bool:
            replies = [self.call("GET", "/v1/auth/me", key).status for _ in range(8)]
            return set(replies) == {status}

        wait_until(f"{status} of every process", all_agree)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
