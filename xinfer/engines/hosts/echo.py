"""The echo engine's server: OpenAI routes that answer with the question, and break on request.

It takes no model and next to no time, so that what stands before it can be tested and measured. A
field `echo` in a request's body says how to behave: `delay_s` before the first byte, `chunks` to
send (the words again and again), `chunk_delay_s` between them, `status` to refuse with, `crash`
(end the process), `crash_after_chunks`, `hang` (never answer), `wedge` (from then on tell whoever
asks for the health that it does not serve).
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

import gevent
import httptools
import msgspec
import setproctitle
from gevent import socket
from gevent.event import Event
from gevent.server import StreamServer

from xinfer.engines.hosts import echo_reply

_READ_BYTES = 65536
_STOP_S = 5.0
_JSON = b"application/json"
_UNREADABLE = (
    *(msgspec.MsgspecError, LookupError, TypeError),
    *(ValueError, AttributeError, OverflowError),
)
"""What a body that is off leads to, wherever it is read."""


class Counts:
    """What the server did: the witness of tests that ask whether a request really ran or ended."""

    def __init__(self) -> None:
        self.requests = 0
        self.active = 0
        self.most_active = 0
        self.cancelled = 0
        self.chunks = 0

    def body(self) -> bytes:
        return msgspec.json.encode(vars(self))


class Exchange:
    """The requests of one connection, one after the other. Callbacks are httptools'."""

    def __init__(self, connection: socket.socket, echo: Echo) -> None:
        self._connection = connection
        self._echo = echo
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body: list[bytes] = []
        self._complete = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._complete = True

    def run(self) -> None:
        """Until the client hangs up."""
        while True:
            data = self._connection.recv(_READ_BYTES)
            if not data:
                return
            self._parser.feed_data(data)
            if self._complete:
                path, body = self._url.partition(b"?")[0], b"".join(self._body)
                self._url, self._body, self._complete = b"", [], False
                self._echo.answer(self._connection, path, body)
                if not self._parser.should_keep_alive():
                    return


class Echo:
    """All requests of the process. `ready` is set once it pretends to have loaded."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.ready = Event()
        self.counts = Counts()

    def serve(self, connection: socket.socket, _address: object) -> None:
        """One connection."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            Exchange(connection, self).run()
        except (OSError, httptools.HttpParserError):
            pass  # a client that is gone or speaks no HTTP is nobody to tell
        finally:
            connection.close()

    def answer(self, connection: socket.socket, path: bytes, body: bytes) -> None:
        """Reply to one request."""
        if path == b"/health":
            status = 200 if self.ready.is_set() else 503
            _send(connection, status, b'{"status":"%d"}' % status)
        elif path == b"/stats":
            _send(connection, 200, self.counts.body())
        elif path == b"/v1/models":
            _send(connection, 200, echo_reply.models(self.model))
        else:
            self._work(connection, path, body)

    def _work(self, connection: socket.socket, path: bytes, body: bytes) -> None:
        self.counts.requests += 1
        self.counts.active += 1
        self.counts.most_active = max(self.counts.most_active, self.counts.active)
        try:
            asked: dict[str, Any] = msgspec.json.decode(body)
            manner = asked.get("echo") or {}
            _misbehave(connection, manner)
            if manner.get("wedge"):
                self.ready.clear()
            if manner.get("status"):
                refusal = echo_reply.refusal(manner["status"])
                _send(connection, int(manner["status"]), refusal)
                return
            reply = echo_reply.reply(path.decode(), asked, self.model)
            if isinstance(reply, bytes):
                _send(connection, 200 if reply else 404, reply)
            else:
                self._stream(connection, reply, manner)
        except _UNREADABLE as error:
            _send(connection, 400, echo_reply.refusal(400, f"cannot read the request: {error!r}"))
        except OSError:
            self.counts.cancelled += 1
            raise
        finally:
            self.counts.active -= 1

    def _stream(
        self, connection: socket.socket, events: echo_reply.Events, manner: dict[str, Any]
    ) -> None:
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        pause_s = float(manner.get("chunk_delay_s") or 0.0)
        fatal = manner.get("crash_after_chunks")
        for number, event in enumerate(events):
            if number == fatal:
                os._exit(70)
            connection.sendall(_chunk(event))
            self.counts.chunks += 1
            if pause_s and _gone_within(connection, pause_s):
                raise ConnectionResetError
        connection.sendall(b"0\r\n\r\n")


def _misbehave(connection: socket.socket, manner: dict[str, Any]) -> None:
    if manner.get("crash"):
        sys.stderr.write("RuntimeError: crashed as asked\n")
        os._exit(70)
    wait_s = float("inf") if manner.get("hang") else float(manner.get("delay_s") or 0.0)
    while wait_s > 0:
        turn_s = min(wait_s, 3600.0)
        if _gone_within(connection, turn_s):
            raise ConnectionResetError
        wait_s -= turn_s


def _gone_within(connection: socket.socket, wait_s: float) -> bool:
    """Wait; True as soon as the client hangs up."""
    connection.settimeout(wait_s)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK) == b"")
    except TimeoutError:
        return False
    finally:
        connection.settimeout(None)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _send(connection: socket.socket, status: int, body: bytes) -> None:
    connection.sendall(
        b"HTTP/1.1 %d %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
        % (status, b"OK" if status == 200 else b"Error", _JSON, len(body), body)
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="xinfer echo engine")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--endpoint-file", type=Path)
    parser.add_argument("--model", default="echo")
    parser.add_argument("--load-s", type=float, default=0.0)
    parser.add_argument("--fail", default="")
    return parser.parse_args()


def main() -> int:
    """Serve until SIGTERM, then finish what is under way."""
    given = _arguments()
    setproctitle.setproctitle(f"xinfer: echo {given.model}")
    if given.fail:
        gevent.sleep(given.load_s)
        raise RuntimeError(given.fail)
    echo = Echo(given.model)
    server = StreamServer((given.host, given.port), echo.serve, backlog=1024)
    server.start()
    if given.endpoint_file is not None:
        temporary = given.endpoint_file.with_suffix(".tmp")
        temporary.write_text(f"{given.host}:{server.server_port}", encoding="utf-8")
        temporary.replace(given.endpoint_file)
    gevent.spawn_later(given.load_s, echo.ready.set)
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, ended.set)
    ended.wait()
    server.close()
    with gevent.Timeout(_STOP_S, False):
        while echo.counts.active:
            gevent.sleep(0.02)
    return 0


if __name__ == "__main__":
    sys.exit(main())
