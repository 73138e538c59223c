"""One question to a worker's own API, with the cluster token."""

from __future__ import annotations

import http.client
from contextlib import closing
from pathlib import Path

import msgspec

from xinfer.domain.node import Contact, Reach
from xinfer.errors import Conflict, NotFound, NotReady
from xinfer.gateway.ways import Ways

_TIMEOUT_S = 30.0
_WAY_S = 5.0
_HINT = "Where nothing can connect to it, start that worker with --reverse."


class WorkerCall:
    """`token_file` holds the cluster token; it is read at each call, so it may change. `ways` lead
    to nodes that cannot be connected to.
    """

    def __init__(self, token_file: Path, ways: Ways) -> None:
        self._token_file = token_file
        self._ways = ways

    def ask(self, worker: Contact, method: str, path: str, body: object = None) -> bytes:
        """The body of the reply.

        Raises NotReady when the worker does not answer, NotFound and Conflict in its words.
        """
        token = self._token_file.read_text(encoding="utf-8").strip()
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Authorization": f"Bearer {token}"}
        address = worker.address
        with closing(http.client.HTTPConnection(address, timeout=_TIMEOUT_S)) as connection:
            try:
                arrive(connection, worker, self._ways)
                connection.request(method, path, body=data, headers=headers)
                reply = connection.getresponse()
                said = reply.read()
            except (OSError, http.client.HTTPException) as error:
                raise silence(worker, error) from error
        if reply.status == 200:
            return said
        refusal = {404: NotFound, 409: Conflict}.get(reply.status)
        if refusal is not None:
            raise refusal(_words(said))
        raise NotReady(f"The worker at {address} answered {reply.status}: {_words(said)}")


def arrive(connection: http.client.HTTPConnection, worker: Contact, ways: Ways) -> None:
    """Put a connection on its way where it cannot connect. Raises OSError without such a way."""
    if worker.reach is Reach.REVERSE:
        way = ways.open(worker.node, _WAY_S)
        way.settimeout(connection.timeout)
        connection.sock = way


def silence(worker: Contact, error: Exception) -> NotReady:
    """That a worker does not answer, and what may help."""
    return NotReady(
        f"The worker at {worker.address} does not answer ({error}).",
        "" if worker.reach is Reach.REVERSE else _HINT,
    )


def _words(body: bytes) -> str:
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body[:200].decode(errors="replace")
    return str(found.get("description") or found) if isinstance(found, dict) else str(found)
