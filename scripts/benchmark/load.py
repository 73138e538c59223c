"""A load generator that costs little: non-blocking sockets in one thread, replies only counted."""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_READ = 262_144


@dataclass
class Result:
    """What came back. Times in seconds; `tokens` as the usage of each reply says."""

    seconds: float = 0.0
    replies: int = 0
    errors: int = 0
    tokens: int = 0
    first_s: list[float] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        return self.replies / self.seconds if self.seconds else 0.0

    @property
    def tokens_per_s(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0

    def add(self, part: Result) -> None:
        """Count another run as if it had followed this one."""
        self.seconds += part.seconds
        self.replies += part.replies
        self.errors += part.errors
        self.tokens += part.tokens
        self.first_s += part.first_s

    def first_ms(self) -> float:
        """Median time to the first byte of a body, in milliseconds."""
        ordered = sorted(self.first_s)
        return 1000 * ordered[len(ordered) // 2] if ordered else 0.0


@dataclass(frozen=True)
class Target:
    """Where a request goes: `address` is host:port."""

    address: str
    path: str
    body: Mapping[str, Any] | None = None
    key: str = ""

    def request(self) -> bytes:
        data = json.dumps(self.body).encode() if self.body is not None else b""
        lines = [f"{'POST' if data else 'GET'} {self.path} HTTP/1.1", f"Host: {self.address}"]
        if data:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        if self.key:
            lines.append(f"Authorization: Bearer {self.key}")
        return "\r\n".join([*lines, "", ""]).encode() + data


class Client:
    """One connection that asks again as soon as it is answered."""

    def __init__(self, target: Target, request: bytes, result: Result) -> None:
        self._target = target
        self._request = request
        self._result = result
        self._buffer = bytearray()
        self._sent = 0.0
        self._first = False
        self.closed = False
        self.answered = 0
        self.socket = self._connect()

    def ask(self) -> None:
        if self.closed:
            self.socket.close()
            self.socket = self._connect()
            self.closed = False
        self._buffer.clear()
        self._first = False
        self._sent = time.perf_counter()
        self.socket.sendall(self._request)

    def readable(self) -> bool:
        """Take what has arrived; True when a reply is complete."""
        try:
            data = self.socket.recv(_READ)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            # Nothing received: a kept connection that the server had closed, no failed request.
            self.closed = True
            head = bytes(self._buffer.partition(b"\r\n\r\n")[0]).lower()
            if head and b"content-length:" not in head and b"transfer-encoding:" not in head:
                # So old servers end a reply whose length they did not know.
                return self._count(head)
            self._result.errors += bool(self._buffer)
            return True
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        if not self._first and len(self._buffer) > end + 4:
            self._first = True
            self._result.first_s.append(time.perf_counter() - self._sent)
        return self._is_complete(bytes(self._buffer[:end]).lower(), end + 4)

    def _is_complete(self, head: bytes, start: int) -> bool:
        if b"content-length:" in head:
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(self._buffer) < start + length:
                return False
        elif not (len(self._buffer) > start + 5 and self._buffer.endswith(b"\r\n0\r\n\r\n")):
            return False
        return self._count(head)

    def _count(self, head: bytes) -> bool:
        if not head.startswith((b"http/1.1 200", b"http/1.0 200")):
            self._result.errors += 1
            return True
        self._result.replies += 1
        self.answered += 1
        place = self._buffer.rfind(b'"completion_tokens":')
        if place > 0:
            digits = self._buffer[place + 20 : place + 30].split(b",")[0].split(b"}")[0]
            self._result.tokens += int(digits)
        return True

    def _connect(self) -> socket.socket:
        host, _, port = self._target.address.rpartition(":")
        made = socket.create_connection((host, int(port)), timeout=10)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made


def run(target: Target, clients: int, seconds: float) -> Result:
    """Keep `clients` connections busy for `seconds`; replies under way at the end do not count."""
    return _drive(target, clients, lambda _client, elapsed_s: elapsed_s < seconds, seconds)


def run_each(target: Target, clients: int, count: int) -> Result:
    """Let each of `clients` ask `count` times; the time is that of the last reply."""
    return _drive(target, clients, lambda client, _elapsed_s: client.answered < count, None)


def _drive(
    target: Target,
    clients: int,
    goes_on: Callable[[Client, float], bool],
    seconds: float | None,
) -> Result:
    result = Result()
    request = target.request()
    selector = selectors.DefaultSelector()
    began = time.perf_counter()
    crowd = {Client(target, request, result) for _ in range(clients)}
    for client in crowd:
        client.ask()
        selector.register(client.socket, selectors.EVENT_READ, client)
    while crowd and (seconds is None or time.perf_counter() - began < seconds):
        for key, _ in selector.select(timeout=0.5):
            client = key.data
            if not client.readable():
                continue
            if not goes_on(client, time.perf_counter() - began):
                selector.unregister(key.fileobj)
                crowd.discard(client)
            elif client.closed:
                selector.unregister(key.fileobj)
                client.ask()
                selector.register(client.socket, selectors.EVENT_READ, client)
            else:
                client.ask()
    result.seconds = time.perf_counter() - began
    for client in crowd:
        client.socket.close()
    return result
