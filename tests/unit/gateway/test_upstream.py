"""Connections to engines: how they end is said as it was."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import closing

import pytest
from gevent import socket

from xinfer.errors import EngineFailed
from xinfer.gateway.pulse import Pulse
from xinfer.gateway.upstream import Connection


class CutOff(socket.socket):
    """What the system gives up: it says so once, and from then on that nothing more comes."""

    errors: Iterator[int] = iter(())

    def recv(self, *_: object) -> bytes:
        for number in self.errors:
            raise OSError(number, os.strerror(number))
        return b""


@pytest.mark.parametrize(
    ("number", "hint"),
    [(errno.ETIMEDOUT, "`xinfer status`"), (errno.ECONNRESET, "It may have crashed")],
)
def test_a_link_that_was_cut_is_not_called_a_crash(number: int, hint: str) -> None:
    with closing(socket.socket()) as listener, closing(CutOff()) as opened:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        opened.connect(listener.getsockname())
        engine, _ = listener.accept()
        opened.errors = iter([number])
        reply = Connection("m-rep0", opened, 5.0, Pulse()).send(b"GET /", lambda: False)
        engine.close()
        with pytest.raises(EngineFailed, match=os.strerror(number)) as caught:
            reply.await_head()
        assert hint in caught.value.hint
