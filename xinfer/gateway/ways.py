"""The ways to nodes that cannot be connected to: connections that they opened, waiting for use."""

from __future__ import annotations

import errno
import os
import select
import time
from collections import deque
from collections.abc import Callable

import gevent
from gevent import monkey, ssl
from gevent.event import AsyncResult
from gevent.socket import MSG_PEEK, socket

from xinfer.domain.way import GRANTED, MAX_LINE, OPTIONS, PROCESS, PROCESSES, UPGRADE, Call

_MOST_IDLE = 256
_HEAD_S = 5.0


class Ways:
    """Those of one process, by node. `processes`: how many of them the supervisor has.

    A way carries one call and ends with it.
    """

    def __init__(self, *, processes: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self._head = (
            f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {UPGRADE}\r\n"
            f"{PROCESS}: {os.getpid()}.{time.time_ns()}\r\n{PROCESSES}: {processes}\r\n\r\n"
        ).encode()
        self._clock = clock
        self._idle: dict[str, deque[socket]] = {}
        self._waiting: dict[str, deque[AsyncResult[socket]]] = {}

    def offer(self, node: str, way: socket) -> None:
        """Answer the upgrade that a node has asked for, and keep its connection."""
        try:
            way.settimeout(_HEAD_S)
            for option in OPTIONS:
                way.setsockopt(*option)
            way.sendall(self._head)
            way.settimeout(None)
        except OSError:
            way.close()
            return
        waiting = self._waiting.get(node)
        if waiting:
            waiting.popleft().set(way)
            return
        idle = self._idle.setdefault(node, deque())
        # Those that have ended are not noticed elsewhere before they are needed.
        for known in list(idle):
            if not is_silent(known, None):
                idle.remove(known)
                known.close()
        idle.append(way)
        if len(idle) > _MOST_IDLE:
            idle.popleft().close()

    def idle(self, node: str) -> int:
        """How many wait for use."""
        return len(self._idle.get(node, ()))

    def open(
        self, node: str, timeout_s: float, *, replica_id: str = "", greeting: bytes = b""
    ) -> socket:
        """A connection to a replica's door, or to the worker's API; `greeting` is sent at once.

        Raises OSError when there is none, or it does not answer, within `timeout_s`.
        """
        deadline = self._clock() + timeout_s
        while True:
            way = self._take(node, deadline)
            waiting = len(self._waiting.get(node, ()))
            call = Call(replica_id=replica_id, waiting=waiting).line()
            try:
                way.settimeout(timeout_s)
                way.sendall(call + greeting)
                answer = _line(way)
            except TimeoutError:
                way.close()
                # The link is cut: so it is for all that have opened before.
                self._drop(node)
                raise
            except OSError:
                answer = b""
            if answer == GRANTED:
                return way
            way.close()
            if answer:
                said = answer.decode(errors="replace").strip().removeprefix("NO ")
                raise ConnectionRefusedError(errno.ECONNREFUSED, said)
            # It had ended before it was used: there may be better ones.

    def _take(self, node: str, deadline: float) -> socket:
        idle = self._idle.get(node)
        while idle:
            way = idle.pop()
            if is_silent(way, None):
                return way
            way.close()
        place: AsyncResult[socket] = AsyncResult()
        waiting = self._waiting.setdefault(node, deque())
        waiting.append(place)
        try:
            return place.get(timeout=max(0.0, deadline - self._clock()))
        except gevent.Timeout:
            raise ConnectionRefusedError(
                errno.ECONNREFUSED, f"node '{node}' has no connection open to here"
            ) from None
        finally:
            if place in waiting:
                waiting.remove(place)

    def _drop(self, node: str) -> None:
        for way in self._idle.pop(node, ()):
            way.close()


def is_silent(connection: socket, timeout_s: float | None) -> bool:
    """Whether an idle connection is open and brings nothing; its timeout is, and stays, this.

    The end, or bytes that nobody asked for: it is of no use either way.
    """
    if isinstance(connection, ssl.SSLSocket):
        # What can be read there must not be read past TLS.
        poll = monkey.get_original("select", "poll")()
        poll.register(connection.fileno(), select.POLLIN)
        return not poll.poll(0)
    try:
        connection.setblocking(False)
        connection.recv(1, MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        connection.settimeout(timeout_s)
    return False


def _line(way: socket) -> bytes:
    """One line with its end and no byte more; b"" when the way ends before it."""
    said = b""
    while not said.endswith(b"\n") and len(said) < MAX_LINE:
        piece = way.recv(1)
        if not piece:
            return b""
        said += piece
    return said
