"""Connections to engines: pooled sockets, an incremental reply parser, honest failures."""

from __future__ import annotations

import errno
import ipaddress
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import gevent
import httptools
from gevent import socket, ssl

from xinfer.domain.routing import Upstream
from xinfer.domain.way import OPTIONS
from xinfer.errors import EngineFailed, XinferError
from xinfer.gateway.pulse import PERIOD_S, Pulse
from xinfer.gateway.ways import Ways, is_silent

_READ_BYTES = 65536
_MAX_IDLE = 256
_READABLE = 1
"""As the event loop calls it."""
_WELCOME = b"OK\r\n"
_NO_WAY = (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH)
_STALE_S = 0.05
"""A kept connection that had been closed tells at once; a later close is of an engine at work."""


class Refused(EngineFailed):
    """The engine did not take the connection: the request has certainly not run."""


class Stale(EngineFailed):
    """A kept connection was closed under us before any byte of a reply: it has not run."""


class ClientGone(Exception):
    """The client hung up while its request was running."""


class Reply:
    """An engine's reply as it arrives. Callbacks are httptools'."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._head = False
        self._received = False
        self._keep_alive = False
        self.headers: list[tuple[str, str]] = []
        self.status = 0
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        # An informational reply comes before the real one.
        self._head = self.status >= 200
        # The parser knows it only now: it forgets with the end of the message.
        self._keep_alive = bool(self._parser.should_keep_alive())

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self.complete = self._head

    def header(self, name: str) -> str:
        """A header's value, "" if absent. `name` in lower case."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def is_stream(self) -> bool:
        """Whether it comes event by event."""
        return self.header("content-type").startswith("text/event-stream")

    def await_head(self) -> None:
        """Read until status and headers are known. Raises as `Connection.read`."""
        while not self._head:
            self._read()

    def pieces(self) -> Iterator[bytes]:
        """The body as it arrives: what one read brought is one piece. Raises as `await_head`."""
        while True:
            if self._pieces:
                piece = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
                self._pieces = []
                yield piece
            if self.complete:
                return
            self._read()

    @property
    def reusable(self) -> bool:
        """Whether the connection may carry another request."""
        return self.complete and self._keep_alive

    def _read(self) -> None:
        data = self._connection.read(started=self._received)
        self._received = True
        if not data:
            if self._head and not self.header("content-length") and not self._is_chunked():
                # The body ends with its connection.
                self.complete, self._keep_alive = True, False
                return
            raise EngineFailed(
                f"The engine of {self._connection.replica_id} closed the connection in the middle"
                " of its reply.",
                "It may have crashed: see the model's log.",
            )
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise EngineFailed(
                f"The engine of {self._connection.replica_id} sent what is not HTTP: {error}."
            ) from error

    def _is_chunked(self) -> bool:
        return "chunked" in self.header("transfer-encoding").lower()


class Connection:
    """One socket to one replica. `fresh`: it has not carried a request yet."""

    def __init__(
        self, replica_id: str, opened: socket.socket, read_timeout_s: float, pulse: Pulse
    ) -> None:
        self.replica_id = replica_id
        self.fresh = True
        self._sent_at = 0.0
        self._read_timeout_s = read_timeout_s
        self._pulse = pulse
        self._gone: Callable[[], bool] = _never
        self._waited_s = 0.0
        self._waits = False
        self._socket = opened
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(PERIOD_S)
        self._hub = gevent.get_hub()
        self._readable = self._hub.loop.io(opened.fileno(), _READABLE)
        # What TLS has read ahead no event will tell of.
        self._ahead = opened.pending if isinstance(opened, ssl.SSLSocket) else None

    def send(self, request: bytes, gone: Callable[[], bool]) -> Reply:
        """Send a request; `gone()` is asked from now on whether anybody waits for the reply.

        Raises Stale when a kept connection turns out to be closed, ClientGone when nobody waits any
        more, and what `gone` raises.
        """
        left, waited_s = memoryview(request), 0.0
        self._sent_at = time.monotonic()
        self._gone = gone
        while left:
            try:
                left = left[self._socket.send(left) :]
                waited_s = 0.0
            except TimeoutError as error:
                if error.errno is not None:
                    raise self._broken(error, started=False) from error
                # The engine is slow to read a large body.
                waited_s += PERIOD_S
                if gone():
                    raise ClientGone from None
                if waited_s > self._read_timeout_s:
                    raise self._silent() from None
            except OSError as error:
                raise self._broken(error, started=False) from error
        self._sent_at = time.monotonic()
        self._pulse.add(self)
        return Reply(self)

    def read(self, *, started: bool) -> bytes:
        """Some bytes; b"" at the end. Raises ClientGone when nobody waits for them any more, what
        `gone` raises, and EngineFailed.

        It always gives way to others first: what arrives meanwhile comes in one piece, where a fast
        engine would otherwise cost a turn for every token.
        """
        while True:
            try:
                if self._ahead is None or not self._ahead():
                    self._wait()
                data = self._socket.recv(_READ_BYTES)
            except OSError as error:
                if isinstance(error, TimeoutError) and error.errno is None:
                    continue  # nothing had come after all
                raise self._broken(error, started=started) from error
            if not data and self._was_closed(started=started):
                raise Stale(f"The engine of {self.replica_id} had closed a kept connection.")
            return bytes(data)

    def look(self) -> None:
        """End the wait for the engine if it is of no more use."""
        if not self._waits:
            return
        self._waited_s += PERIOD_S
        try:
            if self._gone():
                ending: Exception = ClientGone()
            elif self._waited_s > self._read_timeout_s:
                ending = self._silent()
            else:
                return
        except XinferError as error:
            ending = error
        self._hub.cancel_wait(self._readable, ending)

    def _wait(self) -> None:
        self._waited_s = 0.0
        self._waits = True
        try:
            self._hub.wait(self._readable)
        finally:
            self._waits = False

    def is_open(self) -> bool:
        """Whether the engine has not closed it while it lay idle."""
        return is_silent(self._socket, PERIOD_S)

    def rest(self) -> None:
        """Nobody waits for anything now."""
        self._pulse.discard(self)
        self._gone = _never

    def close(self) -> None:
        self.rest()
        self._readable.close()
        self._socket.close()

    def _silent(self) -> EngineFailed:
        return EngineFailed(
            f"The engine of {self.replica_id} was silent for {self._read_timeout_s:.0f} s.",
            "See the model's log; gateway.read_timeout_s sets the limit.",
        )

    def _was_closed(self, *, started: bool) -> bool:
        """Whether the engine had closed the connection before it could read the request."""
        return not self.fresh and not started and time.monotonic() - self._sent_at < _STALE_S

    def _broken(self, error: OSError, *, started: bool) -> EngineFailed:
        if self._was_closed(started=started):
            return Stale(f"The engine of {self.replica_id} had closed a kept connection.")
        lost = error.errno in _NO_WAY
        return EngineFailed(
            f"The connection to the engine of {self.replica_id} broke: {error.strerror or error}.",
            "Its node may be cut off: see `xinfer status`."
            if lost
            else "It may have crashed: see the model's log.",
        )


class Pools:
    """Idle connections by replica and address. `secret(replica_id)` opens guarded replicas, `ways`
    lead to nodes that cannot be connected to.
    """

    def __init__(
        self,
        ways: Ways,
        *,
        connect_timeout_s: float,
        read_timeout_s: float,
        secret: Callable[[str], str],
    ) -> None:
        self._ways = ways
        self._secret = secret
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._pulse = Pulse()
        self._idle: dict[Upstream, deque[Connection]] = {}

    def take(self, upstream: Upstream) -> Connection:
        """An idle connection if there is a live one, else a new one. Raises Refused."""
        idle = self._idle.get(upstream)
        while idle:
            connection = idle.pop()
            if connection.is_open():
                return connection
            connection.close()
        return self.fresh(upstream)

    def fresh(self, upstream: Upstream) -> Connection:
        """A new connection. Raises Refused."""
        try:
            opened = self._open(upstream)
        except OSError as error:
            raise Refused(
                f"The engine of {upstream.replica_id} at {upstream.host}:{upstream.port} cannot be"
                f" reached: {error.strerror or error}."
            ) from error
        return Connection(upstream.replica_id, opened, self._read_timeout_s, self._pulse)

    def _open(self, upstream: Upstream) -> socket.socket:
        """With the secret said, and accepted, at the door of a replica on another host."""
        said, timeout_s = b"", self._connect_timeout_s
        if upstream.guarded:
            said = f"XINFER {self._secret(upstream.replica_id)}\r\n".encode()
        if upstream.via:
            opened = self._ways.open(
                upstream.via, timeout_s, replica_id=upstream.replica_id, greeting=said
            )
        else:
            opened = _connected(upstream.host.strip("[]"), upstream.port, timeout_s)
        try:
            if upstream.guarded:
                # Another host can be cut off in the middle of a reply without a word.
                for option in OPTIONS:
                    opened.setsockopt(*option)
            if said and not upstream.via:
                opened.sendall(said)
            if said:
                _await_welcome(opened)
        except OSError:
            opened.close()
            raise
        return opened

    def give_back(self, upstream: Upstream, connection: Connection) -> None:
        """Keep it for the next request, unless its replica is not routed to any more."""
        idle = self._idle.get(upstream)
        if idle is None or len(idle) >= _MAX_IDLE:
            connection.close()
            return
        connection.fresh = False
        connection.rest()
        idle.append(connection)

    def keep(self, upstreams: Iterable[Upstream]) -> None:
        """Serve exactly these from now on; idle connections to others are closed at once, which is
        how a worker sees that a replica has drained.
        """
        wanted = set(upstreams)
        for upstream in [each for each in self._idle if each not in wanted]:
            for connection in self._idle.pop(upstream):
                connection.close()
        for upstream in wanted:
            self._idle.setdefault(upstream, deque())


def _connected(host: str, port: int, timeout_s: float) -> socket.socket:
    """Raises OSError. An address is connected to at once: a name is looked up in another thread,
    which takes longer than all the rest.
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return socket.create_connection((host, port), timeout=timeout_s)
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.settimeout(timeout_s)
        opened.connect((host, port))
    except OSError:
        opened.close()
        raise
    return opened


def _never() -> bool:
    return False


def _await_welcome(opened: socket.socket) -> None:
    """Raises OSError when a door does not open."""
    said = b""
    while len(said) < len(_WELCOME):
        piece = opened.recv(len(_WELCOME) - len(said))
        if not piece:
            raise ConnectionRefusedError(None, "its door is closed to us, or it is")
        said += piece
