"""The client's side of a request: its body within bounds, and whether it still waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import gevent
from gevent import socket


def client_gone(environ: dict[str, Any]) -> Callable[[], bool]:
    """A question about the connection behind a WSGI request.

    A client that has sent its request sends nothing more until it is answered, so the end of its
    stream means that it has hung up. Without the server's socket the answer is always no.
    """
    client = environ.get("gunicorn.socket")
    if client is None:
        return lambda: False

    def gone() -> bool:
        before = client.gettimeout()
        try:
            client.setblocking(False)
            return bool(client.recv(1, socket.MSG_PEEK) == b"")
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            client.settimeout(before)

    return gone


class Readable(Protocol):
    """A body to read from."""

    def read(self, size: int, /) -> bytes: ...


def read_body(stream: Readable, size: int, timeout_s: float) -> bytes:
    """At most `size` bytes. Raises TimeoutError when they take longer than `timeout_s`."""
    with gevent.Timeout(timeout_s, TimeoutError):
        return stream.read(size)
