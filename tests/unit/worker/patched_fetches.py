"""Many replicas wait in pairs, in greenlets, for fetches that end just when they look: run as a
program of its own, since gevent is patched in as in the worker. Prints how many came back.
"""

from gevent import monkey

monkey.patch_all()

import random  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

from tests.unit.watching import Watching  # noqa: E402
from xinfer.domain.engine import Files  # noqa: E402
from xinfer.domain.model import Hub, Source  # noqa: E402
from xinfer.domain.ports import FetchPlan, Watcher  # noqa: E402
from xinfer.worker.fetch import Fetches  # noqa: E402

PAIRS = 400


class Timed:
    def plan(self, source: Source) -> FetchPlan:
        return FetchPlan(files=(), present=False)

    def fetch(self, source: Source, watcher: Watcher) -> Files:
        time.sleep(0.2 + random.uniform(-0.003, 0.003))
        return Files(root=Path("/"))


def main() -> None:
    fetches, found = Fetches({Hub.PATH: Timed()}), []
    threads = [
        threading.Thread(
            target=lambda number=number: found.append(
                fetches.fetch(Source(hub=Hub.PATH, ref=str(number)), Watching())
            ),
            daemon=True,
        )
        for number in range(PAIRS)
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 90
    while len(found) < len(threads) and time.monotonic() < deadline:
        time.sleep(0.05)
    print(f"{len(found)} of {len(threads)}")


if __name__ == "__main__":
    main()
