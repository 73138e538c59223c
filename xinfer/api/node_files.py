"""Asks workers for the model files that they keep, with the cluster token."""

from __future__ import annotations

import http.client
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from xinfer.domain.cached import CachedModel
from xinfer.errors import Conflict, NotReady

_TIMEOUT_S = 30.0


class WorkerFiles:
    """Implements NodeFiles. `token_file` holds the cluster token."""

    def __init__(self, token_file: Path) -> None:
        self._token_file = token_file

    def cached(self, address: str) -> tuple[CachedModel, ...]:
        return msgspec.json.decode(
            self._ask(address, "GET", "/cache"), type=tuple[CachedModel, ...]
        )

    def remove(self, address: str, hub: str, ref: str) -> bool:
        query = urlencode({"hub": hub, "ref": ref})
        return msgspec.json.decode(self._ask(address, "DELETE", f"/cache?{query}"), type=bool)

    def _ask(self, address: str, method: str, path: str) -> bytes:
        token = self._token_file.read_text(encoding="utf-8").strip()
        with closing(http.client.HTTPConnection(address, timeout=_TIMEOUT_S)) as connection:
            try:
                connection.request(method, path, headers={"Authorization": f"Bearer {token}"})
                reply = connection.getresponse()
                body = reply.read()
            except (OSError, http.client.HTTPException) as error:
                raise NotReady(f"The worker at {address} does not answer ({error}).") from error
        if reply.status == 409:
            raise Conflict(_said(body), "Terminate the models that run on them first.")
        if reply.status != 200:
            raise NotReady(f"The worker at {address} answered {reply.status}: {_said(body)}")
        return body


def _said(body: bytes) -> str:
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body[:200].decode(errors="replace")
    return str(found.get("description") or found) if isinstance(found, dict) else str(found)
