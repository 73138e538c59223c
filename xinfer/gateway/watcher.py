"""The client's side of a request: its body within bounds, and whether it still waits."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any, Protocol

import gevent
from gevent import monkey, socket, ssl


def client_gone(environ: dict[str, Any]) -> Callable[[], bool]:
    """A question about the connection behind a WSGI request.

    A client that has sent its request sends nothing more until it is answered, so the end of its
    stream means that it has hung up. Without the server's socket the answer is always no.
    """
    client = environ.get("gunicorn.socket")
    if client is None:
        return lambda: False
    if isinstance(client, ssl.SSLSocket):
        return lambda: _has_hung_up(client.fileno())

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


def _has_hung_up(descriptor: int) -> bool:
    """Whether the other side has closed a connection under TLS.

    What can be read there first may be its goodbye, which only TLS understands. Where the system
    does not tell an end behind unread bytes, hanging up is noticed when the next piece is sent.
    """
    if descriptor < 0:
        return True
    ended = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
    poll = monkey.get_original("select", "poll")()
    poll.register(descriptor, ended)
    return bool(poll.poll(0))


class Readable(Protocol):
    """A body to read from."""

    def read(self, size: int, /) -> bytes: ...


def read_body(stream: Readable, size: int, timeout_s: float) -> bytes:
    """At most `size` bytes. Raises TimeoutError when they take longer than `timeout_s`."""
    with gevent.Timeout(timeout_s, TimeoutError):
        return stream.read(size)
