"""The wire to the supervisor, against a loopback server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from xinfer.domain.node import Machine, NodeReport
from xinfer.domain.replica import Phase, PhaseMark, ReplicaStatus
from xinfer.domain.state import Assignment
from xinfer.errors import Conflict, NotReady, Unauthorized
from xinfer.worker.link import HttpLink

REPORT = NodeReport(
    node="my node",
    incarnation="i",
    sequence=3,
    version="1",
    address="127.0.0.1:5",
    machine=Machine(cores=2, memory_total_bytes=1, memory_available_bytes=1, system="linux"),
    replicas=(
        ReplicaStatus(
            replica_id="a-rep0",
            uid="a",
            index=0,
            digest="d",
            phase=Phase.READY,
            timeline=(PhaseMark(phase=Phase.READY, at_s=1.5),),
        ),
    ),
)


class Supervisor(ThreadingHTTPServer):
    daemon_threads = True
    token = "right"
    answer: tuple[int, bytes] | None = None
    asked: tuple[str, bytes]


class Reply(BaseHTTPRequestHandler):
    server: Supervisor

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.asked = (f"{self.command} {self.path}", body)
        said = msgspec.json.encode(Assignment(node="my node", revision=9))
        status, reply = self.server.answer or (200, said)
        if self.headers["Authorization"] != f"Bearer {self.server.token}":
            status, reply = 401, b"{}"
        self.send_response(status)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor(("127.0.0.1", 0), Reply) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def link(supervisor: Supervisor, tmp_path: Path) -> HttpLink:
    token = tmp_path / "token"
    token.write_text("right\n")
    return HttpLink(f"http://127.0.0.1:{supervisor.server_port}", "my node", token)


def test_a_report_goes_out_whole_and_brings_the_assignment(
    supervisor: Supervisor, link: HttpLink
) -> None:
    assert link.report(REPORT) == Assignment(node="my node", revision=9)
    asked, body = supervisor.asked
    assert asked == "POST /cluster/nodes/my%20node/report"
    assert msgspec.json.decode(body, type=NodeReport) == REPORT


def test_a_watch_names_the_revision(supervisor: Supervisor, link: HttpLink) -> None:
    assert link.watch(4, 2.5).revision == 9
    assert supervisor.asked[0] == "GET /cluster/nodes/my%20node/assignment?revision=4&wait_s=2.5"


def test_a_new_token_is_read_when_the_old_one_is_refused(
    supervisor: Supervisor, link: HttpLink, tmp_path: Path
) -> None:
    link.watch(0, 1)
    supervisor.token = "renewed"
    with pytest.raises(Unauthorized, match="token"):
        link.watch(0, 1)
    (tmp_path / "token").write_text("renewed")
    assert link.watch(0, 1).revision == 9


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((409, b'{"detail": "version 1.2 is not 1.3"}'), Conflict, "version 1.2 is not 1.3"),
        ((503, b""), NotReady, "answered 503"),
        ((200, b"<html>"), NotReady, "sent no assignment"),
    ],
)
def test_refusals_are_told_apart(
    supervisor: Supervisor,
    link: HttpLink,
    answer: tuple[int, bytes],
    error: type[Exception],
    words: str,
) -> None:
    supervisor.answer = answer
    with pytest.raises(error, match=words):
        link.report(REPORT)


def test_nobody_there_is_not_ready(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        link = HttpLink(f"http://127.0.0.1:{taken.getsockname()[1]}", "n", tmp_path / "token")
        with pytest.raises(NotReady, match="token cannot be read"):
            link.watch(0, 1)
        (tmp_path / "token").write_text("right")
        with pytest.raises(NotReady, match="cannot be reached"):
            link.watch(0, 1)
