"""HTTP to the supervisor: the only way a worker speaks to it."""

from __future__ import annotations

import http.client
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec

from xinfer.domain.node import NodeReport
from xinfer.domain.state import Assignment
from xinfer.errors import Conflict, NotReady, Unauthorized, XinferError

_MARGIN_S = 10.0


class HttpLink:
    """`url` is the supervisor's, without a path; `token_file` holds the cluster token.

    One connection per question: they are few, and the supervisor's processes share them evenly.
    """

    def __init__(self, url: str, node: str, token_file: Path, *, timeout_s: float = 5.0) -> None:
        parts = urlsplit(url)
        self._url = url
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (443 if self._secure else 80)
        self._base = f"{parts.path.rstrip('/')}/cluster/nodes/{quote(node, safe='')}"
        self._token_file = token_file
        self._timeout_s = timeout_s
        self._token = ""

    def report(self, report: NodeReport) -> Assignment:
        """See the port. Also raises Unauthorized and Conflict, which trying again does not mend."""
        body = msgspec.json.encode(report)
        return self._ask("POST", f"{self._base}/report", body, self._timeout_s)

    def watch(self, revision: int, wait_s: float) -> Assignment:
        """See the port. Also raises Unauthorized and Conflict."""
        path = f"{self._base}/assignment?revision={revision}&wait_s={wait_s:g}"
        return self._ask("GET", path, None, wait_s + _MARGIN_S)

    def _ask(self, method: str, path: str, body: bytes | None, timeout_s: float) -> Assignment:
        status, reply = self._send(method, path, body, timeout_s)
        if status == 401:
            # The token may have been renewed since it was read.
            self._token = ""
            status, reply = self._send(method, path, body, timeout_s)
        if status != 200:
            raise self._refusal(status, reply)
        try:
            return msgspec.json.decode(reply, type=Assignment)
        except msgspec.DecodeError as error:
            raise NotReady(f"The supervisor at {self._url} sent no assignment: {error}.") from error

    def _send(
        self, method: str, path: str, body: bytes | None, timeout_s: float
    ) -> tuple[int, bytes]:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        headers = {
            "Authorization": f"Bearer {self._secret()}",
            "Content-Type": "application/json",
            "Connection": "close",
        }
        with closing(kind(self._host, self._port, timeout=timeout_s)) as connection:
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                raise NotReady(f"The supervisor at {self._url} cannot be reached.") from error

    def _secret(self) -> str:
        if not self._token:
            try:
                self._token = self._token_file.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise NotReady(f"The cluster token cannot be read: {error}.") from error
        return self._token

    def _refusal(self, status: int, reply: bytes) -> XinferError:
        said = _detail(reply)
        if status == 401:
            return Unauthorized(
                f"The supervisor at {self._url} does not accept this node's cluster token.",
                "`xinfer token` prints the right one where the supervisor runs; start this node "
                "with it as XINFER_CLUSTER_TOKEN.",
            )
        if status in {403, 404, 409}:
            return Conflict(f"The supervisor at {self._url} refuses this node: {said or status}")
        return NotReady(f"The supervisor at {self._url} answered {status}: {said}".rstrip(": "))


def _detail(reply: bytes) -> str:
    try:
        found = msgspec.json.decode(reply)
    except msgspec.DecodeError:
        return ""
    return str(found.get("detail", "")) if isinstance(found, dict) else ""
