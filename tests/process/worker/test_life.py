"""A replica's life under a real worker process: start, fail, restart, drain, replace, adopt."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.process.appliance import wait_until
from tests.process.worker.workplace import Workplace, spec
from xinfer.domain.model import Footprint, Hub, Restart, Source
from xinfer.domain.replica import Phase, ReplicaStatus
from xinfer.worker import reaper
from xinfer.worker.processes import running

Make = Callable[..., Workplace]


def pid_of(replica: ReplicaStatus) -> int:
    assert replica.engine_pid is not None
    return replica.engine_pid


def test_from_assigned_to_ready_with_a_timeline(workplace: Make) -> None:
    place = workplace()
    go = place.folder / "go"
    place.assign(spec(mode="slow", value=str(go)))
    place.start()
    place.wait(Phase.LOADING)
    go.touch()
    ready = place.wait(Phase.READY)
    assert ready.restarts == ready.failures == 0
    assert ready.slots == 4
    phases = [mark.phase for mark in ready.timeline]
    assert phases == [
        *(Phase.QUEUED, Phase.ENVIRONMENT, Phase.STARTING, Phase.LOADING, Phase.READY),
    ]
    assert all(early.at_s <= late.at_s for early, late in pairwise(ready.timeline))
    assert len(place.engines()) == len(place.shims()) == 1
    assert place.engines()[0].pid == ready.engine_pid
    assert place.shims()[0].pid == ready.shim_pid
    wait_until("its memory", lambda: (place.replica() or ready).memory_bytes)


def test_a_killed_engine_comes_back_once(workplace: Make) -> None:
    place = workplace()
    place.assign(spec())
    place.start()
    first = place.wait(Phase.READY)
    os.kill(pid_of(first), signal.SIGKILL)
    again = place.wait(Phase.READY, also=lambda it: it.engine_pid != first.engine_pid)
    assert again.restarts == 1
    assert again.failures == 0
    assert len(place.engines()) == len(place.shims()) == 1
    assert "killed by SIGKILL" in place.words()


def test_a_killed_shim_takes_its_engine_along(workplace: Make) -> None:
    place = workplace()
    place.assign(spec(mode="stubborn"))
    place.start()
    first = place.wait(Phase.READY)
    wait_until("grandchildren", lambda: len(place.engines()) == 3)
    assert first.shim_pid is not None
    os.kill(first.shim_pid, signal.SIGKILL)
    wait_until("the engine gone", lambda: pid_of(first) not in [it.pid for it in place.engines()])
    again = place.wait(Phase.READY, also=lambda it: it.shim_pid != first.shim_pid)
    assert again.restarts == 1
    wait_until("the new family alone", lambda: len(place.engines()) == 3)
    assert "ended because its shim was killed" in place.words()


def test_a_killed_worker_adopts_without_a_reload(workplace: Make) -> None:
    place = workplace()
    go = place.folder / "go"
    place.assign(spec(), spec("two", mode="slow", value=str(go)))
    place.start()
    first = place.wait(Phase.READY)
    loading = place.wait(Phase.LOADING, "two")
    report = place.report()
    assert report is not None
    place.kill_worker()
    place.start()
    adopted = place.wait(Phase.READY, also=lambda _: incarnation(place) != report.incarnation)
    assert adopted.engine_pid == first.engine_pid
    assert adopted.timeline == first.timeline
    assert adopted.restarts == 0
    go.touch()
    second = place.wait(Phase.READY, "two")
    assert second.engine_pid == loading.engine_pid
    assert len(place.engines()) == 2


@pytest.mark.parametrize("record", ["launch.json", "shim.json", "memo.json"])
def test_a_garbled_record_leads_to_one_engine(workplace: Make, record: str) -> None:
    place = workplace()
    place.assign(spec(mode="stubborn"))
    place.start()
    first = place.wait(Phase.READY)
    before = place.report()
    wait_until("grandchildren", lambda: len(place.engines()) == 3)
    place.kill_worker()
    (place.home.replica("one-rep0") / record).write_text("[]")
    place.start()
    found = place.wait(
        Phase.READY, also=lambda _: before is not None and incarnation(place) != before.incarnation
    )
    wait_until("one family", lambda: len(place.engines()) == 3)
    assert (found.engine_pid == first.engine_pid) == (record == "memo.json")
    place.kill_worker()
    reaper.stop_all(place.home, 5)
    assert place.engines() == []


def incarnation(place: Workplace) -> str:
    report = place.report()
    return report.incarnation if report else ""


def test_a_stopped_worker_leaves_its_replicas(workplace: Make) -> None:
    place = workplace()
    place.assign(spec())
    place.start()
    first = place.wait(Phase.READY)
    assert place.worker is not None
    place.worker.terminate()
    assert place.worker.wait(60) == 0
    assert [each.pid for each in place.engines()] == [first.engine_pid]
    place.lose_supervisor()
    os.kill(pid_of(first), signal.SIGKILL)
    wait_until("the shim to end", lambda: not place.shims())
    place.start()
    wait_until("a restart without a supervisor", place.engines)


def test_a_second_worker_is_refused(workplace: Make) -> None:
    place = workplace()
    place.assign(spec())
    place.start()
    place.wait(Phase.READY)
    first = place.worker
    place.start()
    assert place.worker is not None
    assert place.worker.wait(60) == 3
    assert "Another worker runs the node" in place.words()
    place.worker = first


def test_an_engine_without_a_worker_ends(workplace: Make) -> None:
    place = workplace(orphan_grace_s=3.0)
    place.assign(spec())
    place.start()
    place.wait(Phase.READY)
    place.kill_worker()
    assert place.engines()
    wait_until("nothing left", lambda: not place.engines() and not place.shims())


def test_an_engine_that_never_listens_is_ended(workplace: Make) -> None:
    place = workplace()
    place.assign(spec(mode="mute", launch_timeout_s=0.5, restart=Restart(max_failures=1)))
    place.start()
    failed = place.wait(Phase.FAILED)
    assert failed.cause is not None
    assert failed.cause.summary == "did not listen within 0.5 s"
    assert failed.cause.phase is Phase.STARTING
    assert failed.retry_at_s is None
    assert not place.engines()


def test_an_exception_is_the_cause_and_tries_are_counted(workplace: Make) -> None:
    place = workplace()
    words = "unknown model architecture: 'foo'"
    place.assign(spec(mode="raise", value=words))
    place.start()
    resting = place.wait(Phase.FAILED, also=lambda it: it.retry_at_s is None)
    assert (resting.failures, resting.restarts) == (2, 1)
    assert resting.cause is not None
    assert resting.cause.summary == f"exit code 1: ValueError: {words}"
    assert resting.cause.exception == f"ValueError: {words}"
    assert resting.cause.exit_code == 1
    assert any("Traceback" in line for line in resting.cause.tail)
    place.assign(spec())
    place.wait(Phase.READY)


def test_a_segmentation_fault_is_named(workplace: Make) -> None:
    place = workplace()
    place.assign(spec(mode="segfault", restart=Restart(max_failures=1)))
    place.start()
    failed = place.wait(Phase.FAILED)
    assert failed.cause is not None
    assert failed.cause.summary == "ended by SIGSEGV"
    assert failed.cause.signal == "SIGSEGV"


@pytest.mark.parametrize(
    ("options", "summary"),
    [
        ({"mode": "refuse"}, "The option 'mode' makes no sense. Leave it out."),
        ({"program": "/no/such/program"}, "could not be started: [Errno 2] No such file"),
    ],
)
def test_what_cannot_start_says_why(workplace: Make, options: dict[str, str], summary: str) -> None:
    place = workplace()
    place.assign(spec(**options, restart=Restart(max_failures=1)))
    place.start()
    failed = place.wait(Phase.FAILED)
    assert failed.cause is not None
    assert failed.cause.summary.startswith(summary)
    assert failed.retry_at_s is None


def test_a_stubborn_family_is_killed_after_its_grace(workplace: Make) -> None:
    place = workplace()
    place.assign(spec(mode="stubborn", grace_s=0.5))
    place.start()
    place.wait(Phase.READY)
    wait_until("grandchildren", lambda: len(place.engines()) == 3)
    place.assign()
    place.wait_gone()
    assert not place.engines()
    assert not place.shims()
    assert not place.home.replica("one-rep0").exists()


def test_draining_waits_for_open_connections(workplace: Make) -> None:
    place = workplace()
    place.assign(spec())
    place.start()
    ready = place.wait(Phase.READY)
    assert ready.address is not None
    host, _, port = ready.address.rpartition(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"GET /hang HTTP/1.1\r\nHost: it\r\n\r\n")
        place.assign()
        place.wait(Phase.DRAINING, also=lambda it: it.detail == "open connections: 1")
        # Many turns of the loop later it still waits for the client.
        assert place.engines()
        assert place.replica() is not None
    place.wait_gone()
    assert not place.engines()


def test_draining_has_an_end(workplace: Make) -> None:
    place = workplace()
    place.assign(spec(drain_timeout_s=0.5))
    place.start()
    ready = place.wait(Phase.READY)
    assert ready.address is not None
    host, _, port = ready.address.rpartition(":")
    with socket.create_connection((host, int(port))):
        place.assign()
        place.wait_gone()


def test_what_runs_here_is_known_by_its_model(workplace: Make) -> None:
    place = workplace()
    place.assign(spec())
    place.start()
    ready = place.wait(Phase.READY)
    (group,) = running(place.home, ["other", "one"])
    assert group.shim_pid == ready.shim_pid
    assert running(place.home, ["other"]) == ()
    report = place.report()
    assert report is not None
    assert 0 < report.machine.memory_held_bytes < report.machine.memory_total_bytes
    place.assign()
    place.wait_gone()
    assert running(place.home, ["one"]) == ()


@pytest.mark.parametrize("replaced", [False, True])
def test_the_last_word_says_how_long_draining_lasts(workplace: Make, replaced: bool) -> None:
    place = workplace()
    place.assign(spec(drain_timeout_s=300.0))
    place.start()
    first = place.wait(Phase.READY)
    assert first.address is not None
    host, _, port = first.address.rpartition(":")
    with socket.create_connection((host, int(port))):
        if replaced:
            place.assign(spec(drain_timeout_s=0.5, value="other"))
            place.wait(Phase.READY, also=lambda it: it.digest != first.digest)
            return
        place.assign(spec(drain_timeout_s=0.5))
        revision = place.revision
        wait_until("the new one", lambda: (it := place.report()) and it.assignment == revision)
        place.assign()
        place.wait_gone()


def test_another_digest_replaces_and_other_changes_do_not(workplace: Make) -> None:
    place = workplace()
    place.assign(spec())
    place.start()
    first = place.wait(Phase.READY)
    place.assign(spec(drain_timeout_s=7.0))
    revision = place.revision
    wait_until("the new revision", lambda: (it := place.report()) and it.assignment == revision)
    assert place.wait(Phase.READY).engine_pid == first.engine_pid
    place.assign(spec(value="other"))
    second = place.wait(Phase.READY, also=lambda it: it.digest != first.digest)
    assert second.engine_pid != first.engine_pid
    assert second.restarts == 0
    assert len(place.engines()) == len(place.shims()) == 1


def test_the_real_echo_host_announces_its_port_and_drains(workplace: Make) -> None:
    place = workplace()
    place.assign(spec(engine="echo"))
    place.start()
    ready = place.wait(Phase.READY)
    assert ready.address is not None
    host, _, port = ready.address.rpartition(":")
    with closing(http.client.HTTPConnection(host, int(port), timeout=60)) as client:
        body = {"model": "one", "messages": [{"role": "user", "content": "say this"}]}
        client.request("POST", "/v1/chat/completions", json.dumps(body))
        assert "say this" in client.getresponse().read().decode()
    place.assign()
    place.wait_gone()
    assert not place.processes("xinfer")


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc")
def test_a_shim_is_small(workplace: Make) -> None:
    place = workplace()
    place.assign(spec())
    place.start()
    ready = place.wait(Phase.READY)
    rollup = Path(f"/proc/{ready.shim_pid}/smaps_rollup").read_text()
    (pss_kib,) = [int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")]
    assert pss_kib < 10 * 1024


def test_a_folder_that_cannot_be_written_is_a_cause(workplace: Make) -> None:
    place = workplace()
    place.home.replicas.mkdir(parents=True)
    obstacle = place.home.replica("one-rep0")
    obstacle.write_text("a file where a folder should be")
    # It fails again and again until the file is gone, and must not rest before.
    place.assign(spec(restart=Restart(max_failures=1000, backoff_s=0.1, backoff_max_s=0.2)))
    place.start()
    failed = place.wait(Phase.FAILED)
    assert failed.cause is not None
    assert "Not a directory" in failed.cause.summary
    obstacle.unlink()
    place.wait(Phase.READY)


def test_what_finds_no_room_is_not_started_until_it_is_placed_by_what_it_needs(
    workplace: Make,
) -> None:
    place = workplace()
    weights = place.folder / "weights"
    with weights.open("wb") as file:
        file.truncate(2**43)
    heavy = spec(source=Source(hub=Hub.PATH, ref=str(weights)))
    place.assign(heavy)
    place.start()
    refused = place.wait(Phase.QUEUED, also=lambda it: it.no_room)
    said = "Node 'local' cannot take a replica that needs 8192.5 GiB: "
    assert refused.no_room.startswith(said)
    assert refused.weighed == Footprint(weights_bytes=2**43, token_bytes=0)
    assert (refused.cause, refused.failures, refused.restarts) == (None, 0, 0)
    place.assign(heavy, spec("light"))
    place.wait(Phase.READY, "light")
    assert len(place.engines()) == 1, "only the light one has a process"
    place.assign(replace(heavy, memory_bytes=1))
    assert place.wait(Phase.READY).weighed == refused.weighed
    place.kill_worker()
    (place.folder / "report.json").unlink()
    place.start()
    adopted = place.wait(Phase.READY)
    assert (adopted.restarts, adopted.weighed) == (0, refused.weighed)
