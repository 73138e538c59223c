"""The way in to a replica from other hosts: a listening port that asks for the replica's secret.

Engines listen on loopback alone. `python -I door.py FOLDER LAUNCH HOST TARGET OPTIONS` listens on
HOST, writes its own `host:port` to the folder's `door` file, and passes the bytes of a connection
that begins with the right line on to the engine. TARGET is the engine's `host:port`, or a file that
holds it; OPTIONS, as JSON, are for `setsockopt` of what others have opened. The secret comes by the
environment. Standard library only: it is a program of its own, so that a restart of the worker
breaks no reply, and it ends with the shim of its launch.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

SECRET_VARIABLE = "XINFER_DOOR_SECRET"
GREETING = b"XINFER "
WELCOME = b"OK\r\n"

_LINE_BYTES = 128
_LINE_S = 5.0
_CONNECT_S = 2.0
_TICK_S = 1.0
_BUFFER = 65536


class Passage:
    """One connection: a line with the secret, then bytes both ways until either side ends."""

    def __init__(self, client: socket.socket, door: Door) -> None:
        self.client = client
        self.engine: socket.socket | None = None
        self.since = time.monotonic()
        self._door = door
        self._to_engine = b""
        self._to_client = b""
        self._ending = False

    def ready(self, side: socket.socket, mask: int) -> None:
        """Move what can be moved; ends the passage when a side has ended."""
        if side.fileno() < 0:
            return
        try:
            if mask & selectors.EVENT_WRITE:
                self._flush(side)
            if mask & selectors.EVENT_READ:
                self._take(side)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self.close()
            return
        if self._ending and not self._to_client:
            self.close()
        else:
            self._watch()

    def close(self) -> None:
        self._door.forget(self)
        for side in (self.client, self.engine):
            if side is not None:
                side.close()

    def _take(self, side: socket.socket) -> None:
        data = side.recv(_BUFFER)
        if side is self.client:
            if not data:
                # The caller has hung up: the engine must see that, or it would go on for nobody.
                raise ConnectionResetError
            self._to_engine += data
            if self.engine is None:
                self._greet()
            if self.engine is not None:
                self._flush(self.engine)
        else:
            self._to_client += data
            self._ending = self._ending or not data
            self._flush(self.client)

    def _greet(self) -> None:
        line, found, rest = self._to_engine.partition(b"\r\n")
        if not found:
            if len(line) > _LINE_BYTES:
                raise ConnectionResetError
            return
        if not hmac.compare_digest(line, GREETING + self._door.secret):
            raise ConnectionResetError
        self.engine = self._door.connect()
        self._to_engine = rest
        self._to_client = WELCOME

    def _flush(self, side: socket.socket) -> None:
        if side is self.client:
            if self._to_client:
                self._to_client = self._to_client[side.send(self._to_client) :]
        elif self._to_engine:
            self._to_engine = self._to_engine[side.send(self._to_engine) :]

    def _watch(self) -> None:
        """Read from a side only while what it sent before has gone out on the other."""
        read, write = selectors.EVENT_READ, selectors.EVENT_WRITE
        heard = read if len(self._to_engine) < _BUFFER else 0
        self._door.watch(self, self.client, heard | (write if self._to_client else 0))
        if self.engine is not None:
            wanted = read if len(self._to_client) < _BUFFER and not self._ending else 0
            self._door.watch(self, self.engine, wanted | (write if self._to_engine else 0))


class Door:
    """Serves until the shim of its launch has ended, or SIGTERM."""

    def __init__(self, folder: Path, launch: str, host: str, target: str, secret: bytes) -> None:
        self.secret = secret
        self.options: Sequence[Sequence[int]] = ()
        self._folder = folder
        self._launch = launch
        self._target = target
        self._selector = selectors.DefaultSelector()
        self._passages: set[Passage] = set()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=256)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def serve(self) -> None:
        host, port = self._listener.getsockname()[:2]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        pid = os.getpid()
        publish(self._folder / "door", {"launch": self._launch, "address": address, "pid": pid})
        while self._shim_lives():
            deadline = time.monotonic() + _TICK_S
            while time.monotonic() < deadline:
                for key, mask in self._selector.select(_TICK_S):
                    if key.data is None:
                        self._accept()
                    elif isinstance(key.fileobj, socket.socket):
                        key.data.ready(key.fileobj, mask)
            self._drop_silent()

    def connect(self) -> socket.socket:
        """Raises OSError when the engine does not listen."""
        target = self._target
        if "/" in target:
            target = Path(target).read_text(encoding="utf-8").strip()
        host, _, port = target.rpartition(":")
        engine = socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S)
        engine.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        engine.setblocking(False)
        return engine

    def watch(self, passage: Passage, side: socket.socket, events: int) -> None:
        known = self._selector.get_map().get(side.fileno())
        if not events:
            if known is not None:
                self._selector.unregister(side)
        elif known is None:
            self._selector.register(side, events, passage)
        elif known.events != events:
            self._selector.modify(side, events, passage)

    def forget(self, passage: Passage) -> None:
        self._passages.discard(passage)
        for side in (passage.client, passage.engine):
            if side is not None:
                with suppress(KeyError, ValueError):
                    self._selector.unregister(side)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        client.setblocking(False)
        for level, option, value in self.options:
            client.setsockopt(level, option, value)
        passage = Passage(client, self)
        self._passages.add(passage)
        self.watch(passage, client, selectors.EVENT_READ)

    def _drop_silent(self) -> None:
        """Those who do not say the secret soon do not know it."""
        limit = time.monotonic() - _LINE_S
        for passage in [each for each in self._passages if each.engine is None]:
            if passage.since < limit:
                passage.close()

    def _shim_lives(self) -> bool:
        """The shim holds the folder's lock for its life; the order names the launch."""
        try:
            order = json.loads((self._folder / "launch.json").read_text(encoding="utf-8"))
            if order.get("launch") != self._launch:
                return False
            with (self._folder / "lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except (OSError, ValueError):
            return False
        return False


def publish(path: Path, value: Mapping[str, str | int]) -> None:
    """Write JSON that is whole or not there."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(value), encoding="utf-8")
    temporary.replace(path)


def main(argv: list[str]) -> int:
    """Serve; the exit status is 0 when the launch has ended."""
    folder, launch, host, target, options = argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with suppress(ImportError):
        from setproctitle import setproctitle

        # The launch stays in the title: by it the worker knows its door again.
        setproctitle(f"xinfer: door {Path(folder).name} {launch}")
    door = Door(Path(folder), launch, host, target, os.environ[SECRET_VARIABLE].encode())
    door.options = json.loads(options)
    door.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
