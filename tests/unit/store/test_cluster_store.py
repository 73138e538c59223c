"""Revisions, the lease, reports and events, as several processes see them."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from tests.unit.domain.clusters import GIB, node, on, spec, status
from tests.unit.store.conftest import Clock, Open, on_both
from xinfer.domain.node import NodeReport
from xinfer.domain.replica import Cause, Phase, PhaseMark
from xinfer.domain.state import Assigned, Event
from xinfer.errors import Conflict

pytestmark = on_both


def test_what_one_process_writes_another_reads(open_store: Open) -> None:
    one, other = open_store(), open_store()
    assert other.desired().revision == 0
    written = one.write_desired({"m": spec()}, expected=0, recipe="r", declared={"m": spec()})
    assert other.desired() == written
    again = other.write_desired({"m": spec(replicas=2)}, expected=1)
    assert (again.revision, again.recipe, again.declared) == (2, "r", {"m": spec()})
    assert one.desired() == again
    assert again.drift() == ("m",)


def test_of_two_writers_one_wins_and_nothing_is_lost(open_store: Open) -> None:
    stores = [open_store() for _ in range(4)]
    conflicts = [0] * len(stores)

    def add(number: int) -> None:
        for turn in range(10):
            name = f"m{number}-{turn}"
            while True:
                before = stores[number].desired()
                try:
                    models = {**before.models, name: spec(name)}
                    stores[number].write_desired(models, expected=before.revision)
                    break
                except Conflict:
                    conflicts[number] += 1

    threads = [threading.Thread(target=add, args=(number,)) for number in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    final = stores[0].desired()
    assert len(final.models) == 40
    assert final.revision == 40


def test_a_stale_revision_is_refused(open_store: Open) -> None:
    store = open_store()
    store.write_desired({}, expected=0)
    for stale in (0, 2):
        with pytest.raises(Conflict):
            store.write_desired({"m": spec()}, expected=stale)
    assert store.desired().models == {}


def test_the_lease_passes_on_when_it_expires_and_fences_its_old_holder(
    open_store: Open, clock: Clock
) -> None:
    one, other = open_store(), open_store()
    first = one.acquire("one", 5)
    assert first is not None
    assert other.acquire("other", 5) is None
    clock.now += 4
    assert one.acquire("one", 5) == first
    clock.now += 4
    assert other.acquire("other", 5) is None
    clock.now += 2
    second = other.acquire("other", 5)
    assert second is not None
    assert second.term > first.term
    with pytest.raises(Conflict, match="taken over"):
        one.write_assigned(Assigned(), expected=0, lease=first)
    assert one.acquire("one", 5) is None
    other.write_assigned(Assigned(replicas=(on("a", spec()),)), expected=0, lease=second)
    assert [replica.node for replica in one.assigned().replicas] == ["a"]


def test_a_released_lease_is_free_at_once_but_only_its_holder_releases_it(open_store: Open) -> None:
    store = open_store()
    first = store.acquire("one", 5)
    assert first is not None
    store.release(first)
    second = store.acquire("other", 5)
    assert second is not None
    store.release(first)
    assert store.acquire("one", 5) is None


def test_assigned_is_compared_and_set(open_store: Open) -> None:
    store = open_store()
    lease = store.acquire("one", 5)
    assert lease is not None
    store.write_assigned(Assigned(waiting={"m": "nobody"}), expected=0, lease=lease)
    with pytest.raises(Conflict, match="revision 0"):
        store.write_assigned(Assigned(), expected=0, lease=lease)
    assert store.assigned() == Assigned(revision=1, waiting={"m": "nobody"})


def report(sequence: int, phase: Phase = Phase.READY, **more: object) -> NodeReport:
    marks = (PhaseMark(phase=Phase.QUEUED, at_s=1.0), PhaseMark(phase=phase, at_s=2.5))
    cause = Cause(phase=Phase.LOADING, summary="no", tail=("line",))
    seen = status(on("a", spec()), phase, timeline=marks, cause=cause, **more)
    return node("a", seen, gpus=[8], labels={"zone": "x"}, sequence=sequence).report


def test_a_report_is_kept_whole(open_store: Open) -> None:
    assert open_store().record(report(1), 7.0) is True
    kept = open_store().observed().nodes["a"]
    assert kept.report == report(1)
    assert kept.seen_at_s == 7.0


def test_a_late_report_never_replaces_a_newer_one(open_store: Open) -> None:
    store = open_store()
    store.record(report(5), 7.0)
    assert store.record(report(4, Phase.FAILED), 8.0) is False
    assert store.observed().nodes["a"].report == report(5)
    restarted = replace(report(1, Phase.LOADING), incarnation="two")
    assert store.record(restarted, 9.0) is True
    assert store.observed().nodes["a"].report == restarted


def test_heartbeats_are_kept_and_wake_nobody(open_store: Open) -> None:
    store = open_store(heartbeat_s=1.0)
    store.record(report(1), 10.0)
    stamp = store.stamp()
    busy = report(3, memory_bytes=GIB)
    busy = replace(busy, machine=replace(busy.machine, memory_available_bytes=7))
    assert store.record(report(2), 10.5) is False
    assert store.observed().nodes["a"].seen_at_s == 10.0
    assert store.record(busy, 12.0) is False
    assert store.observed().nodes["a"].seen_at_s == 12.0
    assert store.observed().nodes["a"].report.machine.memory_available_bytes == 7
    assert store.stamp() == stamp
    assert store.record(report(4, Phase.FAILED), 12.1) is True
    assert store.stamp() != stamp


def test_the_stamp_tells_of_every_change_of_any_process(open_store: Open) -> None:
    watcher, writer = open_store(), open_store()
    lease = writer.acquire("one", 5)
    assert lease is not None
    stamps = [watcher.stamp()]

    def changed() -> bool:
        stamps.append(watcher.stamp())
        return stamps[-1] != stamps[-2]

    writer.write_desired({}, expected=0)
    assert changed()
    writer.write_assigned(Assigned(), expected=0, lease=lease)
    assert changed()
    writer.record(report(1), 1.0)
    assert changed()
    writer.forget("a")
    assert changed()
    writer.forget("a")
    writer.acquire("one", 5)
    writer.append([Event(uid="m", at_s=1.0, kind="k", message="t")])
    assert not changed()
    assert len(set(stamps)) == 5


def test_events_are_kept_in_order_and_bounded_per_model(open_store: Open) -> None:
    store = open_store()
    for number in range(250):
        store.append([Event(uid="m", at_s=float(number), kind="k", message=str(number))])
    store.append([Event(uid="other", at_s=0.0, kind="k", message="kept")])
    kept = store.events("m", limit=1000)
    assert [event.message for event in kept] == [str(number) for number in range(50, 250)]
    assert [event.message for event in store.events("m", limit=2)] == ["248", "249"]
    assert len(store.events("other")) == 1
