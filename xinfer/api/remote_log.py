"""The log of a replica, read from the worker that keeps it, as an iterator of bytes."""

from __future__ import annotations

import http.client
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast
from urllib.parse import quote

from xinfer.api.worker_call import arrive, silence
from xinfer.domain.node import Contact
from xinfer.errors import NotFound, NotReady
from xinfer.gateway.ways import Ways

_CONNECT_S = 5.0
_LOOK_S = 1.0


class _Plain(http.client.HTTPConnection):
    """HTTP/1.0, for a body without chunks: the end of one is noticed only with the head of the
    next, and a log that is silent for long would be taken for broken.
    """

    _http_vsn = 10
    _http_vsn_str = "HTTP/1.0"


class RemoteLog:
    """The text as the worker sends it; closing it closes the worker's side too.

    With `gone` the worker is asked to follow the log, for as long as `gone()`, asked once a second,
    does not say that there is no reader; it would otherwise be followed for ever. Raises NotReady
    when the worker does not answer, NotFound when it has no such log.
    """

    def __init__(
        self,
        worker: Contact | None,
        replica_id: str,
        ways: Ways,
        *,
        tail: int,
        gone: Callable[[], bool] | None,
        token: str,
    ) -> None:
        if worker is None:
            raise NotReady(f"The worker of {replica_id} is not known yet.")
        self._gone = gone
        self._asked_s = time.monotonic()
        self._connection = _Plain(worker.address, timeout=_CONNECT_S)
        path = f"/replicas/{quote(replica_id, safe='')}/log?tail={tail}"
        if gone is not None:
            path += "&follow=1"
        try:
            arrive(self._connection, worker, ways)
            self._connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            # Kept, because http.client lets go of it when the reply ends with the connection.
            self._socket = cast("socket.socket", self._connection.sock)
            self._reply = self._connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise silence(worker, error) from error
        if self._reply.status != 200:
            self.close()
            raise NotFound(f"There is no log of {replica_id} yet.", "Has its launch begun?")

    def __iter__(self) -> Iterator[bytes]:
        try:
            while self._something_to_read() and (piece := self._reply.read1(65536)):
                yield piece
        except (OSError, http.client.HTTPException):
            # The worker is gone in mid-sentence; all that it said was passed on.
            return
        finally:
            self.close()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _something_to_read(self) -> bool:
        """Wait for more of a followed log, or its end; False when there is no reader."""
        while self._gone is not None:
            if time.monotonic() - self._asked_s >= _LOOK_S:
                self._asked_s = time.monotonic()
                if self._gone():
                    return False
            if self._is_buffered() or select.select([self._socket], [], [], _LOOK_S)[0]:
                break
        return True

    def _is_buffered(self) -> bool:
        """Whether http.client has read more from the socket than it has given out."""
        stream = cast("BinaryIO | None", self._reply.fp)
        if stream is None:
            return True
        self._socket.settimeout(0)
        try:
            return bool(stream.peek(1))  # type: ignore[attr-defined]
        except ssl.SSLWantReadError:
            return False
        finally:
            self._socket.settimeout(_CONNECT_S)
