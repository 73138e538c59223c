"""The log of a replica, relayed from a worker's real HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import falcon.testing
import pytest

from tests.unit.api.conftest import TOKEN
from tests.unit.half_hub import until
from tests.unit.services.conftest import House
from xinfer.api.remote_log import RemoteLog
from xinfer.domain.node import Contact
from xinfer.domain.replica import Phase
from xinfer.errors import NotFound, NotReady
from xinfer.gateway.ways import Ways

Client = falcon.testing.TestClient


class Worker:
    """Serves two lines at once, and as many more as it is told to while a reader follows."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.more = threading.Semaphore(0)
        self.hung_up = threading.Event()
        self.status = 200
        worker = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                worker.asked.append((self.path, self.headers.get("Authorization")))
                self.send_response(worker.status)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                # Two chunks in one packet: the second must not wait for a third.
                self.wfile.write(b"4\r\none\n\r\n4\r\ntwo\n\r\n")
                if "follow=1" in self.path:
                    self.follow()
                self.wfile.write(b"0\r\n\r\n")

            def follow(self) -> None:
                while worker.more.acquire(timeout=60):
                    try:
                        self.wfile.write(b"5\r\nmore\n\r\n")
                    except OSError:
                        worker.hung_up.set()
                        return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"

    def notices(self) -> bool:
        """Whether it sees that its reader has hung up; the first words after that may get lost."""

        def noticed() -> bool:
            self.more.release()
            return self.hung_up.wait(0.05)

        return bool(until(noticed))


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def at(address: str) -> Contact:
    return Contact(node="a", address=address)


def launched(house: House, address: str, api: Client) -> None:
    body = {"model_name": "m", "model_engine": "free", "replica": 2}
    api.simulate_post("/v1/models?wait_ready=false", json=body)
    house.settle(Phase.READY)
    kept = house.store.observed().nodes["a"].report
    house.sequence += 1
    house.reports.report(replace(kept, address=address, sequence=house.sequence))


def test_the_log_of_a_replica_is_relayed(api: Client, house: House, worker: Worker) -> None:
    launched(house, worker.address, api)
    reply = api.simulate_get("/v1/models/m/logs?tail=7&replica=1")
    assert reply.text == "one\ntwo\n"
    assert reply.headers["content-type"].startswith("text/plain")
    assert worker.asked == [("/replicas/m-rep1/log?tail=7", f"Bearer {TOKEN}")]


def test_what_there_is_no_log_of(
    api: Client, house: House, worker: Worker, token_file: Path
) -> None:
    assert api.simulate_get("/v1/models/m/logs").status_code == 404
    launched(house, worker.address, api)
    assert api.simulate_get("/v1/models/m/logs?replica=9").status_code == 503
    assert api.simulate_get("/v1/models/m/logs?tail=-1").status_code == 400
    worker.status = 404
    assert api.simulate_get("/v1/models/m/logs").status_code == 404
    worker.server.server_close()


def test_a_worker_that_is_away(api: Client, house: House, worker: Worker) -> None:
    with pytest.raises(NotReady, match="does not answer"):
        RemoteLog(at("127.0.0.1:1"), "m-rep0", Ways(), tail=1, gone=None, token="t")
    with pytest.raises(NotReady, match="not known"):
        RemoteLog(None, "m-rep0", Ways(), tail=1, gone=None, token="t")
    worker.status = 500
    with pytest.raises(NotFound):
        RemoteLog(at(worker.address), "m-rep0", Ways(), tail=1, gone=None, token="t")


def test_a_followed_log_brings_each_line_as_it_comes_until_the_reader_hangs_up(
    worker: Worker,
) -> None:
    gone = threading.Event()
    log = RemoteLog(at(worker.address), "m-rep0", Ways(), tail=2, gone=gone.is_set, token=TOKEN)
    lines = iter(log)
    assert next(lines) + next(lines) == b"one\ntwo\n"
    for _ in range(3):
        worker.more.release()
        assert next(lines) == b"more\n"
    gone.set()
    assert list(lines) == []
    assert worker.notices(), "the worker was told"


def test_closing_hangs_up(worker: Worker) -> None:
    log = RemoteLog(at(worker.address), "m-rep0", Ways(), tail=2, gone=lambda: False, token=TOKEN)
    next(iter(log))
    log.close()
    assert worker.notices()
