"""A followed log may be silent for longer than any single answer may take."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from xinfer.api import remote_log
from xinfer.domain.node import Contact
from xinfer.gateway.ways import Ways

_ANSWER_S = 0.1


class Worker(BaseHTTPRequestHandler):
    """Sends a line, and another one when told to; in chunks to whom HTTP/1.1 allows it."""

    protocol_version = "HTTP/1.1"
    go = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        chunked = self.request_version == "HTTP/1.1"
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in (b"one\n", b"two\n"):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line) if chunked else line)
            self.go.wait(60)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Worker)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    Worker.go.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_silence_does_not_end_it(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_log, "_LOOK_S", _ANSWER_S)
    looks = 0

    def gone() -> bool:
        nonlocal looks
        looks += 1
        if looks > 5:
            Worker.go.set()
        return False

    worker = Contact(node="a", address=address)
    log = remote_log.RemoteLog(worker, "a-rep0", Ways(), tail=1, gone=gone, token="t")
    # From here on: the first answer may take its time.
    monkeypatch.setattr(remote_log, "_CONNECT_S", _ANSWER_S)
    assert b"".join(log) == b"one\ntwo\n"
    assert looks > 5
