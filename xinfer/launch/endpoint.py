"""The launcher's own line to the supervisor: a few JSON requests over the standard library."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xinfer.domain.cluster import ClusterSettings
from xinfer.errors import NotReady, XinferError


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the supervisor of this home listens, and the token that makes the launcher known.

    `tls`: it serves HTTPS, which its own machine does without, and a `remote` one speaks.
    """

    host: str
    port: int
    token_file: Path
    timeout_s: float = 5.0
    tls: bool = False
    remote: bool = False

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{url_host(self.host)}:{self.port}"

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """Status and decoded JSON (None if the body is none).

        Raises NotReady when nothing answers.
        """
        secure = self.tls and self.remote
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self.host, self.port, timeout=self.timeout_s)
        headers = {"Content-Type": "application/json"}
        try:
            token = self.token_file.read_text(encoding="utf-8").strip()
            headers["Authorization"] = f"Bearer {token}"
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            raw = reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise NotReady(f"{self.url} does not answer ({error}).") from error
        finally:
            connection.close()
        try:
            return reply.status, json.loads(raw) if raw else None
        except ValueError:
            return reply.status, None

    def call(self, method: str, path: str, body: bytes | None = None) -> Any:
        """Like `request`, but anything else than 2xx raises XinferError with the server's words."""
        status, reply = self.request(method, path, body)
        if not 200 <= status < 300:
            detail = reply.get("detail") if isinstance(reply, dict) else reply
            raise XinferError(f"{method} {path} answered {status}: {detail}")
        if reply is None:
            raise NotReady(f"{method} {path} answered with what is not JSON.")
        return reply


def reachable_host(host: str) -> str:
    """The address by which this machine reaches a server bound to `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def url_host(host: str) -> str:
    """A host as URLs write it: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def check_port(settings: ClusterSettings) -> OSError | None:
    """None if `host:port` can be bound, else what the system says."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            return error
    return None
