"""The gateway processes of one machine: each listens at a Unix socket in a folder of theirs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import msgspec
from gevent import socket
from gevent.server import StreamServer

from xinfer.gateway.running import Order, Running

log = logging.getLogger("xinfer.gateway")

_SUFFIX = ".gateway"
_ANSWER_S = 2.0
_MAX_BYTES = 65_536
_YES, _NO = b"1", b"0"


class Siblings:
    """Ends requests of this process, `name`, and of all others. `folder` is for our user alone."""

    def __init__(self, folder: Path, name: str, running: Running) -> None:
        self._own = folder / f"{name}{_SUFFIX}"
        self._running = running

    def listen(self) -> None:
        """Let the others ask from now on."""
        self._own.unlink(missing_ok=True)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            server.bind(str(self._own))
            server.listen()
        except OSError as error:
            server.close()
            log.warning("Requests here cannot be aborted by other processes: %s.", error)
            return
        StreamServer(server, self._answer).start()

    def close(self) -> None:
        """Nobody asks this process any more."""
        self._own.unlink(missing_ok=True)

    def end(self, order: Order) -> bool:
        """Whether the request was running anywhere. A process that does not answer has none."""
        found = self._running.end(order)
        for path in self._others():
            found |= _ask(path, order)
        return found

    def _others(self) -> Iterator[Path]:
        for path in self._own.parent.glob(f"*{_SUFFIX}"):
            if path != self._own:
                yield path

    def _answer(self, client: socket.socket, _address: object) -> None:
        with closing(client), suppress(OSError, msgspec.MsgspecError):
            client.settimeout(_ANSWER_S)
            order = msgspec.json.decode(_all(client), type=Order)
            client.sendall(_YES if self._running.end(order) else _NO)


def _ask(path: Path, order: Order) -> bool:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as client:
        client.settimeout(_ANSWER_S)
        try:
            client.connect(str(path))
            client.sendall(msgspec.json.encode(order))
            client.shutdown(socket.SHUT_WR)
            return bool(_all(client) == _YES)
        except ConnectionRefusedError:
            # Left by a process that was killed.
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("Gateway process %s does not answer: %s.", path.stem, error)
    return False


def _all(connection: socket.socket) -> bytes:
    said = b""
    while len(said) < _MAX_BYTES and (piece := connection.recv(_MAX_BYTES)):
        said += piece
    return said
