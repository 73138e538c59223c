"""Engine logs: rotated by the shim, read as one text, followed across rotations."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.process.appliance import wait_until
from tests.process.worker.workplace import Workplace, spec
from xinfer.domain.replica import Phase
from xinfer.worker import logs


def test_a_long_log_is_rotated_and_read_as_one(workplace: Callable[..., Workplace]) -> None:
    place = workplace(log_bytes=40_000)
    place.assign(spec(mode="chatter", value="3000"))
    place.start()
    place.wait(Phase.READY)
    log = place.home.replica("one-rep0") / "engine.log"
    # The engine answers, perhaps, before the shim has read all that it said.
    wait_until("the last line", lambda: any("line 002999 " in it for it in logs.tail(log, 1)))
    kept = logs.files(log)
    assert [path.name for path in kept] == ["engine.log", "engine.log.1", "engine.log.2"]
    assert all(path.stat().st_size < 40_000 + 65_536 for path in kept)
    # However the pipe cut it: what is in the newest file, and a hundred lines of the others.
    wanted = log.read_bytes().count(b"\n") + 100
    numbers = [int(line.split()[1]) for line in logs.tail(log, wanted)]
    assert numbers == list(range(3000 - wanted, 3000))


def test_following_survives_rotation_and_ends(workplace: Callable[..., Workplace]) -> None:
    place = workplace(log_bytes=4_000)
    path = place.home.replica("one-rep0")
    path.mkdir(parents=True)
    log = path / "engine.log"
    log.write_text("older\nnewer\nhalf")
    closed = threading.Event()
    heard: list[bytes] = []
    reader = threading.Thread(
        target=lambda: heard.extend(logs.follow(log, 2, closed.is_set)), daemon=True
    )
    reader.start()
    wait_until("the tail", lambda: b"".join(heard) == b"newer\nhalf")
    with log.open("a") as file:
        file.write(" a line\n")
    wait_until("the rest of the line", lambda: b"".join(heard).endswith(b"half a line\n"))
    log.rename(path / "engine.log.1")
    log.write_text("after\n")
    wait_until("the next file", lambda: b"".join(heard).endswith(b"after\n"))
    closed.set()
    reader.join(60)
    assert not reader.is_alive()
    assert b"".join(heard) == b"newer\nhalf a line\nafter\n"
