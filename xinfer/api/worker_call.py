"""One question to a worker's own API, with the cluster token."""

from __future__ import annotations

import http.client
from contextlib import closing
from pathlib import Path

import msgspec

from xinfer.errors import Conflict, NotFound, NotReady

_TIMEOUT_S = 30.0


class WorkerCall:
    """`token_file` holds the cluster token; it is read at each call, so it may change."""

    def __init__(self, token_file: Path) -> None:
        self._token_file = token_file

    def ask(self, address: str, method: str, path: str, body: object = None) -> bytes:
        """The body of the reply.

        Raises NotReady when the worker does not answer, NotFound and Conflict in its words.
        """
        token = self._token_file.read_text(encoding="utf-8").strip()
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Authorization": f"Bearer {token}"}
        with closing(http.client.HTTPConnection(address, timeout=_TIMEOUT_S)) as connection:
            try:
                connection.request(method, path, body=data, headers=headers)
                reply = connection.getresponse()
                said = reply.read()
            except (OSError, http.client.HTTPException) as error:
                raise NotReady(f"The worker at {address} does not answer ({error}).") from error
        if reply.status == 200:
            return said
        refusal = {404: NotFound, 409: Conflict}.get(reply.status)
        if refusal is not None:
            raise refusal(_words(said))
        raise NotReady(f"The worker at {address} answered {reply.status}: {_words(said)}")


def _words(body: bytes) -> str:
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body[:200].decode(errors="replace")
    return str(found.get("description") or found) if isinstance(found, dict) else str(found)
