"""A worker in a process of its own: `worker_process.py FOLDER`, speaking by files, not HTTP."""

from gevent import monkey

monkey.patch_all()

import logging  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import msgspec  # noqa: E402

from tests.process.worker.engine import FakeEngines, ThisInterpreter  # noqa: E402
from xinfer.catalog.hubs.path import PathHub  # noqa: E402
from xinfer.domain.cluster import Settings  # noqa: E402
from xinfer.domain.home import Home  # noqa: E402
from xinfer.domain.model import Hub  # noqa: E402
from xinfer.domain.node import NodeReport  # noqa: E402
from xinfer.domain.state import Assignment  # noqa: E402
from xinfer.errors import NotReady, XinferError  # noqa: E402
from xinfer.worker.node import Node  # noqa: E402


class FileLink:
    """Reads `assignment.json`, writes `report.json`; no assignment file = no supervisor."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def report(self, report: NodeReport) -> Assignment:
        found = self._read()
        temporary = self._folder / "report.tmp"
        temporary.write_bytes(msgspec.json.encode(report))
        temporary.replace(self._folder / "report.json")
        return found

    def watch(self, revision: int, wait_s: float) -> Assignment:
        deadline = time.monotonic() + wait_s
        while (found := self._read()).revision == revision and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    def _read(self) -> Assignment:
        try:
            raw = (self._folder / "assignment.json").read_bytes()
        except FileNotFoundError as error:
            raise NotReady("There is no supervisor.") from error
        return msgspec.json.decode(raw, type=Assignment)


def main(folder: Path) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    raw = (folder / "settings.json").read_bytes()
    settings = msgspec.json.decode(raw, type=Settings, dec_hook=lambda _, path: Path(path))
    node = Node(
        settings=settings,
        home=Home(settings.home),
        engines=FakeEngines(),
        environments=ThisInterpreter(),
        hubs={Hub.PATH: PathHub()},
        link=FileLink(folder),
        address="127.0.0.1:1",
        patience_s=2.0,
    )
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        node.start()
    except XinferError as error:
        print(error, flush=True)
        return 3
    ended.wait()
    node.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
