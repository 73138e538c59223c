"""How both executors reach a server: its address, proxies, headers and patience."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from xinfer.client.call import Call, Json, Request
from xinfer.client.errors import Unreachable

CONNECT_S = 5.0
_CONNECT_RETRIES = 2
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server is (`base_url`, without `/v1`) and the key that opens it."""

    base_url: str
    api_key: str | None = None

    def client_options(self) -> dict[str, Any]:
        """Arguments for an httpx client, but its transport."""
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        return {"base_url": self.base_url.rstrip("/"), "headers": headers}

    def transport_options(self) -> dict[str, Any]:
        """Arguments for an httpx transport.

        Only a connect is retried: a request that may have arrived is never sent twice. Certificates
        are loaded (30 ms) only where they are used; plain HTTP has none to check.
        """
        return {
            "retries": _CONNECT_RETRIES,
            "proxy": self._proxy(),
            "verify": urlsplit(self.base_url).scheme == "https",
        }

    def _proxy(self) -> str | None:
        parts = urlsplit(self.base_url)
        host = parts.hostname or ""
        if host in _LOOPBACK or proxy_bypass(host):
            return None
        return getproxies().get(parts.scheme)


def request_options(request: Request) -> dict[str, Any]:
    """Arguments for an httpx request."""
    form = {"data": dict(request.form), "files": list(request.files)}
    return {
        "method": request.method,
        "url": request.path,
        "params": dict(request.query),
        **(form if request.files else {"json": request.body}),
        "timeout": httpx.Timeout(request.silence_s, connect=CONNECT_S),
    }


def unreachable(what: str, base_url: str, error: httpx.HTTPError) -> Unreachable:
    """The error for a call that got no reply."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        reason = str(error) or "it does not answer in time"
        return Unreachable(
            what,
            f"no server answers at {base_url} ({reason})",
            hint="Start one with `xinfer up`, or name a running one (--endpoint, XINFER_ENDPOINT).",
        )
    reason = str(error) or type(error).__name__
    return Unreachable(
        what,
        f"the connection to {base_url} broke ({reason})",
        hint="It may be restarting: try again, or see `xinfer status`.",
    )


def decoded(call: Call[Any], response: httpx.Response) -> Json:
    """What the call's `decode` is given."""
    if call.binary:
        return response.content
    return response.json() if response.content else None
