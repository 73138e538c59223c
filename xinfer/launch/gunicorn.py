"""gunicorn as the process model of a role: settings, a worker class of ours, and hooks."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

import gevent
import gevent.event
import gevent.socket
import gevent.ssl
import setproctitle
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http import get_parser, wsgi
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, NoMoreData, ParseException
from gunicorn.workers.ggevent import GeventWorker

from xinfer.domain.way import TAKER
from xinfer.launch.life import launcher_is_gone
from xinfer.launch.tls import PlainRefused, holds_bytes, secured

Wsgi = Callable[..., Any]

_UNREAD = (408, 413)
_ACCESS_LINE = '%(h)s "%(m)s %(U)s" %(s)s %(B)s bytes %(L)s s'
"""Neither the query nor any header: a key may have been put there by mistake."""

_LINGER_S = 2.0
_CLIENT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """How a role listens. `name` is its title in `ps`; `bind` as gunicorn writes addresses.

    `make` builds the WSGI application inside each worker process, after the fork; `stop` is
    called there when the process begins to end, before it waits for requests under way;
    `exited(pid)` in the master after a worker process has ended. `tls` None: plain HTTP.
    """

    name: str
    bind: str
    make: Callable[[], Wsgi]
    stop: Callable[[], None] = lambda: None
    exited: Callable[[int], None] = lambda _pid: None
    access_log: bool = False
    workers: int = 1
    connections: int = 2000
    keepalive_s: int = 75
    header_timeout_s: float = 15.0
    graceful_timeout_s: float = 30.0
    tls: gevent.ssl.SSLContext | None = None


class RoleApplication(BaseApplication):  # type: ignore[misc]
    """Runs a Server under gunicorn's arbiter; returns only by exiting the process."""

    def __init__(self, server: Server) -> None:
        self.server = server
        super().__init__()

    def load_config(self) -> None:
        server = self.server
        chosen = {
            "bind": server.bind,
            "workers": server.workers,
            "worker_class": RoleWorker,
            "worker_connections": server.connections,
            "keepalive": server.keepalive_s,
            "graceful_timeout": int(server.graceful_timeout_s),
            "timeout": 60,
            "proc_name": server.name,
            "control_socket_disable": True,
            "limit_request_fields": 64,
            "limit_request_field_size": 8190,
            "post_fork": _post_fork,
            "pre_fork": _title_master,
            "child_exit": _child_exit,
            "accesslog": "-" if server.access_log else None,
            "access_log_format": _ACCESS_LINE,
            # Nobody's word counts for where a request comes from or goes to but its own.
            "forwarded_allow_ips": "",
            "logger_class": RoleLog,
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Wsgi:
        return self.server.make()


class RoleLog(Logger):  # type: ignore[misc]
    """gunicorn's messages among ours: where they go is decided once, for the whole role."""

    def setup(self, cfg: Any) -> None:
        self.error_log.setLevel(logging.getLogger().level)
        self.error_log.propagate = True
        self.access_log.setLevel(logging.INFO)
        self.access_log.propagate = True
        self.cfg = cfg


class OneSend(wsgi.Response):  # type: ignore[misc]
    """A response whose head travels in the same `send` as the first piece of its body.

    Two sends per reply are the largest single cost of a small reply.
    """

    _head = b""
    headers_sent: bool

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.version = "xinfer"

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        """A reply to a request that was not read to its end is the last of its connection."""
        if status[:3] in ("408", "413"):
            self.force_close()
        return super().start_response(status, headers, exc_info)

    def send_headers(self) -> None:
        """Keep the head until there is something to send it with."""
        if not self.headers_sent:
            lines = self.default_headers()
            lines.extend(f"{name}: {value}\r\n" for name, value in self.headers)
            self._head = f"{''.join(lines)}\r\n".encode("latin-1")
            self.headers_sent = True

    def write(self, arg: bytes) -> None:
        """What follows in a stream goes out by the shortest way."""
        if self.chunked and self.headers_sent and arg:
            self.sent += len(arg)
            self._emit_body(arg)
        else:
            super().write(arg)

    def _emit_body(self, data: bytes) -> None:
        frame = b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data
        if self._head:
            frame, self._head = self._head + frame, b""
        taken = self.sock.send(frame)
        if taken < len(frame):
            self.sock.sendall(memoryview(frame)[taken:])

    def close(self) -> None:
        """Send what is left: a head without body, and the end of a chunked body."""
        self.send_headers()
        head, self._head = self._head, b""
        end = b"0\r\n\r\n" if self.chunked else b""
        if head or end:
            self.sock.sendall(head + end)


class RoleWorker(GeventWorker):  # type: ignore[misc]
    """gunicorn's gevent worker with bounded waits, prompt draining and one send per small reply.

    HTTP/1.1 only: a proxy in front may speak anything else.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._server: Server = self.app.server
        self._idle: set[socket.socket] = set()
        self._ending = gevent.event.Event()

    def run(self) -> None:
        pools = []
        servers = []
        for listener in self.sockets:
            listener.setblocking(True)
            pools.append(Pool(self.worker_connections))
            serve = partial(self.handle, listener)
            servers.append(StreamServer(listener, handle=serve, spawn=pools[-1]))
            # One that takes all that wait at once would leave its siblings without work.
            servers[-1].max_accept = 1 if self.cfg.workers > 1 else servers[-1].max_accept
            servers[-1].start()
        while self.alive:
            self.notify()
            self._ending.wait(1.0)
        for server in servers:
            server.close()
        self._server.stop()
        self._drain(pools)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: leave the loop at once instead of after its next look."""
        super().handle_exit(sig, frame)
        gevent.get_hub().loop.run_callback(self._ending.set)

    def notify(self) -> None:
        """Tell the arbiter that we live; end it when the launcher does not."""
        super().notify()
        if launcher_is_gone():
            self.log.warning("The launcher is gone; ending.")
            os.kill(self.ppid, signal.SIGTERM)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """One connection: wait for a request, bounded; answer it; again."""
        req = None
        try:
            # Bounds every single wait for the client, so that one that stops reading gives its
            # place up.
            client.settimeout(_CLIENT_S)
            if self._server.tls is not None:
                client = secured(client, self._server.tls, self._server.header_timeout_s)
            parser = get_parser(self.cfg, client, addr)
            name = listener.getsockname()
            wait_s = self._server.header_timeout_s
            while self.alive and self._await_bytes(client, parser, wait_s):
                req = None
                with gevent.Timeout(self._server.header_timeout_s, _SlowHead):
                    req = next(parser)
                if not req:
                    return
                self.handle_request(name, req, client, addr)
                if not parser.finish_body(deadline=time.monotonic() + _LINGER_S):
                    return
                wait_s = self._server.keepalive_s
        except _Taken as taken:
            client = _handed_over(client, taken.taker)
        except (StopIteration, NoMoreData):
            pass  # the client closed, or we said that we would
        except _Unread:
            _linger(client)
        except PlainRefused:
            _refuse(client, 400, "This port speaks HTTPS.")
        except _SlowHead:
            _refuse(client, 408, "The request's head did not arrive in time.")
        except OSError as error:
            self.log.debug("A connection ended: %s", error)
        except BaseException as error:  # noqa: BLE001 - the edge of a process: answered and logged
            self.handle_error(req, client, addr, error)
        finally:
            self._idle.discard(client)
            util.close(client)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Run the application for one request. Raises StopIteration to close the connection."""
        resp, environ = wsgi.create(req, sock, addr, listener_name, self.cfg, OneSend)
        environ["wsgi.multithread"] = True
        if isinstance(sock, gevent.ssl.SSLSocket):
            environ["wsgi.url_scheme"] = "https"
        if not self.alive:
            resp.force_close()
        body: Any = ()
        began = time.monotonic()
        try:
            body = self.wsgi(environ, resp.start_response)
            if TAKER in environ and resp.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
                raise _Taken(environ[TAKER])
            for piece in body:
                resp.write(piece)
            resp.close()
        except (OSError, _Taken):
            raise
        except Exception:
            if not resp.headers_sent:
                raise
            # Part of the reply is out: cutting the connection is the only honest end.
            self.log.exception("A reply broke off.")
            raise StopIteration from None
        finally:
            if hasattr(body, "close"):
                body.close()
            if self._server.access_log and resp.status:
                took = timedelta(seconds=time.monotonic() - began)
                self.log.access(resp, req, environ, took)
        if resp.status_code in _UNREAD:
            raise _Unread
        if resp.should_close():
            raise StopIteration

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Refuse what cannot be parsed, in JSON; anything else is a fault of ours."""
        if isinstance(exc, LimitRequestHeaders):
            _refuse(client, 431, "The request's headers are too many or too large.")
        elif isinstance(exc, LimitRequestLine):
            _refuse(client, 414, "The request's address is too long.")
        elif isinstance(exc, ParseException):
            _refuse(client, 400, f"This is not a valid HTTP request: {exc}")
        elif not isinstance(exc, SystemExit | gevent.GreenletExit):
            self.log.exception("A request broke: %s", getattr(req, "uri", "?"))
            _refuse(client, 500, "The server broke while it handled this request; see its log.")

    def _await_bytes(self, client: Any, parser: Any, wait_s: float) -> bool:
        """Until a request begins; False when the client stays silent or we are ending."""
        if parser.unreader.buf.tell() or holds_bytes(client):
            return True
        self._idle.add(client)
        try:
            gevent.socket.wait_read(client.fileno(), timeout=wait_s, timeout_exc=_Silent())
        except _Silent:
            return False
        finally:
            self._idle.discard(client)
        return bool(self.alive)

    def _drain(self, pools: list[Pool]) -> None:
        """Idle connections are closed at once; the busy ones may finish what they do."""
        for client in list(self._idle):
            with suppress(OSError):
                client.shutdown(socket.SHUT_RD)
        # A little less than the arbiter waits, so that streams are ended in order by us.
        deadline = time.monotonic() + max(0.0, self.cfg.graceful_timeout - 1.0)
        while any(pools) and time.monotonic() < deadline:
            self.notify()
            for pool in pools:
                pool.join(timeout=0.2)
        for pool in pools:
            pool.kill(timeout=0.5)


class _Taken(Exception):
    """The connection is not ours any more: it leaves with what it brings from now on."""

    def __init__(self, taker: Callable[[Any], None]) -> None:
        super().__init__()
        self.taker = taker


class _Unread(Exception):
    """The request was answered before all of it was read: the connection is of no more use."""


class _SlowHead(Exception):
    """A request began but did not arrive in time."""


class _Silent(Exception):
    """No request began in time."""


def _refuse(client: Any, status: int, message: str) -> None:
    error = {"message": message, "type": "invalid_request_error"}
    # The path may be unknown, so this is both forms of an error.
    body = json.dumps({"error": error, "detail": message}).encode()
    reason = HTTPStatus(status).phrase
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with suppress(OSError):
        client.settimeout(1.0)
        client.sendall(head.encode() + body)
        _linger(client)


def _handed_over(client: Any, taker: Callable[[Any], None]) -> Any:
    """Give a connection away; what is left of it here, and may be closed."""
    if isinstance(client, gevent.ssl.SSLSocket):
        taker(client)
        return socket.socket()
    # Whoever accepted it will close the object that they know.
    taker(gevent.socket.socket(fileno=client.detach()))
    return client


def _linger(client: Any) -> None:
    """Read what the client still sends, for a moment: closing at once would reset the connection,
    and the client might never see the refusal.
    """
    with suppress(OSError), gevent.Timeout(_LINGER_S, False):
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass


def _title_master(arbiter: Any, _worker: Any) -> None:
    setproctitle.setproctitle(f"xinfer: {arbiter.app.server.name} master")


def _post_fork(_arbiter: Any, worker: Any) -> None:
    setproctitle.setproctitle(f"xinfer: {worker.app.server.name} worker")


def _child_exit(arbiter: Any, worker: Any) -> None:
    arbiter.app.server.exited(worker.pid)
