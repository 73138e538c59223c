"""Opens ways to the supervisor and serves what comes through them; see `domain/way`.

Where nothing can connect to this machine, this is how its replicas and its worker are reached. It
is a role of its own, so that a restart of the worker breaks no reply.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import gevent
from gevent import ssl
from gevent.event import Event
from gevent.socket import create_connection, socket

from xinfer.domain.home import Home
from xinfer.domain.way import (
    GRANTED,
    MAX_LINE,
    OPTIONS,
    PROCESS,
    PROCESSES,
    UPGRADE,
    Call,
    parse_call,
)
from xinfer.errors import Conflict, NotReady, Unauthorized, XinferError
from xinfer.worker.spares import Spares

log = logging.getLogger("xinfer.ways")

_DIAL_S = 10.0
_CONNECT_S = 2.0
_LINE_S = 5.0
_AT_ONCE = 16
_SURPLUS_S = 0.02
"""Before the next try when a process had enough ways and another was meant."""

_BACKOFF_S = 0.1
_BACKOFF_MAX_S = 2.0
_REFUSED_S = 5.0
_PATIENCE = 5
_BUFFER = 65536
_HEAD_BYTES = 16384


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """An idle one: which process of the supervisor has it, and what it has said already."""

    process: str
    processes: int
    connection: socket
    said: bytes


class Supervisor:
    """Whom to dial: `url` without a path, `node` as we are called there, `token_file` holds the
    cluster token and is read at each dial.
    """

    def __init__(self, url: str, node: str, token_file: Path) -> None:
        parts = urlsplit(url)
        self._url = url
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (443 if self._tls else 80)
        self._name = parts.netloc.rpartition("@")[2]
        self._path = f"{parts.path.rstrip('/')}/cluster/nodes/{quote(node, safe='')}/way"
        self._token_file = token_file

    def dial(self) -> Way:
        """A new way. Raises NotReady, and Unauthorized or Conflict when it is refused."""
        try:
            connection = self._connect()
        except OSError as error:
            raise NotReady(f"The supervisor at {self._url} cannot be reached: {error}.") from error
        try:
            connection.sendall(self._request())
            head, rest = _head_of(connection)
            if not head.startswith("HTTP/1.1 101 "):
                raise self._refusal(head, rest)
            connection.settimeout(None)
        except BaseException as error:
            connection.close()
            if isinstance(error, OSError):
                raise NotReady(f"The supervisor at {self._url} broke off: {error}.") from error
            raise
        return Way(
            process=_header(head, PROCESS),
            processes=int(_header(head, PROCESSES) or 1),
            connection=connection,
            said=rest,
        )

    def _connect(self) -> socket:
        connection = create_connection((self._host, self._port), timeout=_DIAL_S)
        for option in OPTIONS:
            connection.setsockopt(*option)
        if self._tls is not None:
            return self._tls.wrap_socket(connection, server_hostname=self._host)
        return connection

    def _request(self) -> bytes:
        try:
            token = self._token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise NotReady(f"The cluster token cannot be read: {error}.") from error
        return (
            f"GET {self._path} HTTP/1.1\r\nHost: {self._name}\r\nConnection: Upgrade\r\n"
            f"Upgrade: {UPGRADE}\r\nAuthorization: Bearer {token}\r\n\r\n"
        ).encode()

    def _refusal(self, head: str, rest: bytes) -> XinferError:
        status = head[9:12]
        try:
            said = str(json.loads(rest).get("detail", ""))
        except (ValueError, AttributeError):
            said = ""
        if status == "401":
            return Unauthorized(
                f"The supervisor at {self._url} does not accept this node's cluster token.",
                "`xinfer token` prints the right one where the supervisor runs.",
            )
        if status in {"400", "403", "404", "409"}:
            return Conflict(f"The supervisor at {self._url} takes no way of ours: {said or status}")
        return NotReady(f"The supervisor at {self._url} answered {status}: {said}".rstrip(": "))


class Dialler:
    """Keeps ways open until it is stopped. `home` says where doors and worker are."""

    def __init__(self, dial: Callable[[], Way], home: Home) -> None:
        self._dial = dial
        self._home = home
        self._spares = Spares()
        self._dialling = 0
        self._failures = 0
        self._pause_s = 0.0
        self._complaint = ""
        self._changed = Event()

    def run(self) -> None:
        """Never returns."""
        while True:
            self._changed.clear()
            if self._pause_s:
                gevent.sleep(self._pause_s)
                self._pause_s = 0.0
            # After a failure one tries for all.
            most = 1 if self._failures else _AT_ONCE
            wanted = min(self._spares.missing(), most) - self._dialling
            for _ in range(wanted):
                self._dialling += 1
                gevent.spawn(self._live)
            self._changed.wait()

    def _live(self) -> None:
        """The whole life of one way."""
        way = self._open()
        self._changed.set()
        if way is None:
            return
        try:
            self._serve(way)
        finally:
            way.connection.close()
            self._changed.set()

    def _open(self) -> Way | None:
        try:
            way = self._dial()
        except XinferError as error:
            self._failed(error)
            return None
        finally:
            self._dialling -= 1
        self._failures = 0
        if self._complaint:
            self._complaint = ""
            log.info("The supervisor takes ways again.")
        if self._spares.opened(way.process, way.processes):
            return way
        way.connection.close()
        self._pause_s = _SURPLUS_S
        return None

    def _failed(self, error: XinferError) -> None:
        """Each trouble is said once, and not before it has lasted."""
        self._failures += 1
        refused = not isinstance(error, NotReady)
        if (refused or self._failures > _PATIENCE) and str(error) != self._complaint:
            self._complaint = str(error)
            log.warning("%s", error)
        longest = _REFUSED_S if refused else _BACKOFF_MAX_S
        pause_s = min(longest, _BACKOFF_S * 2.0 ** min(self._failures, 10))
        self._pause_s = pause_s * random.uniform(0.5, 1.0)

    def _serve(self, way: Way) -> None:
        call, rest = self._await_call(way)
        if call is None:
            return
        # Another one takes its place at once.
        self._changed.set()
        try:
            target = create_connection(self._place_of(call), timeout=_CONNECT_S)
        except (OSError, ValueError, KeyError) as error:
            said = f"NO {error}".replace("\n", " ")[: MAX_LINE // 4]
            _try_to_send(way.connection, f"{said}\r\n".encode())
            return
        for option in OPTIONS:
            target.setsockopt(*option)
        target.settimeout(None)
        try:
            way.connection.sendall(GRANTED)
            if rest:
                target.sendall(rest)
            splice(way.connection, target)
        except OSError:
            return
        finally:
            target.close()

    def _await_call(self, way: Way) -> tuple[Call | None, bytes]:
        """What the way is used for, and what follows; None when it ended before."""
        said = way.said
        try:
            while not said.endswith(b"\n") and b"\r\n" not in said:
                piece = way.connection.recv(_BUFFER)
                said += piece
                if not piece or len(said) > _BUFFER:
                    raise ConnectionResetError
                way.connection.settimeout(_LINE_S)
            line, _, rest = said.partition(b"\r\n")
            call = parse_call(line)
            way.connection.settimeout(None)
        except (OSError, ValueError):
            self._spares.lost(way.process)
            return None, b""
        self._spares.used(way.process, call.waiting)
        return call, rest

    def _place_of(self, call: Call) -> tuple[str, int]:
        """Raises OSError, ValueError or KeyError when it is not there now."""
        if call.replica_id:
            door = self._home.replica(call.replica_id) / "door"
            said = str(json.loads(door.read_text(encoding="utf-8"))["address"])
        else:
            said = self._home.worker_address.read_text(encoding="utf-8").strip()
        host, _, port = said.rpartition(":")
        return host.strip("[]"), int(port)


def splice(caller: socket, target: socket) -> None:
    """Pass bytes both ways until either side ends; both are to be closed then.

    A caller that hangs up is seen by the target at once, or it would go on for nobody; what the
    target has said goes out before its end does.
    """
    back = gevent.spawn(_pump, target, caller)
    forth = gevent.spawn(_pump, caller, target)
    gevent.wait([back, forth], count=1)
    gevent.killall([back, forth])


def _pump(source: socket, sink: socket) -> None:
    try:
        while data := source.recv(_BUFFER):
            sink.sendall(data)
    except OSError:
        return


def _try_to_send(connection: socket, data: bytes) -> None:
    try:
        connection.sendall(data)
    except OSError:
        return


def _head_of(connection: socket) -> tuple[str, bytes]:
    """The head of a reply, and what came with it."""
    said = b""
    while b"\r\n\r\n" not in said:
        piece = connection.recv(_BUFFER)
        if not piece or len(said) > _HEAD_BYTES:
            raise ConnectionResetError(None, "its reply has no end")
        said += piece
    head, _, rest = said.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def _header(head: str, name: str) -> str:
    for line in head.split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.strip().lower() == name.lower():
            return value.strip()
    return ""
