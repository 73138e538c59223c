"""What nodes send, what they get, and what becomes history."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.domain.clusters import node, spec, status
from tests.unit.services.conftest import House
from xinfer.domain.model import ModelSpec
from xinfer.domain.replica import Phase
from xinfer.errors import Conflict


def free(uid: str = "m", **more: object) -> ModelSpec:
    return replace(spec(uid, **more), engine="free")


def test_a_report_is_answered_with_all_that_the_node_should_run(house: House) -> None:
    house.models.launch(free(replicas=2))
    first = house.reports.report(node("a").report)
    assert (first.revision, first.replicas) == (0, ())
    house.control.step()
    second = house.reports.report(node("a", sequence=2).report)
    assert second.revision == house.store.assigned().revision
    assert [one.replica_id for one in second.replicas] == ["m-rep0", "m-rep1"]
    assert house.reports.assignment("b").replicas == ()


def test_watching_returns_when_the_assignment_changes(house: House) -> None:
    house.report()
    house.models.launch(free())
    house.script = [lambda: None, lambda: house.control.step()]
    got = house.reports.watch("a", 0, 30)
    assert (got.revision, len(got.replicas)) == (1, 1)
    assert house.script == []
    assert house.reports.watch("a", 7, 30).revision == 1, "an unknown revision is answered at once"


def test_watching_returns_unchanged_after_the_time(house: House) -> None:
    before = house.now
    assert house.reports.watch("a", 0, 30).revision == 0
    assert house.now == before + 30


@pytest.mark.parametrize("version", ["9.1.0", "0.2.0", "", "nonsense"])
def test_a_node_of_another_version_is_refused(house: House, version: str) -> None:
    with pytest.raises(Conflict, match="Node 'a' runs xinfer"):
        house.reports.report(replace(node("a").report, version=version))
    assert house.store.observed().nodes == {}


def test_a_patch_release_is_the_same_version(house: House) -> None:
    house.reports.report(replace(node("a").report, version="0.1.99"))
    assert list(house.store.observed().nodes) == ["a"]


def test_phases_and_ends_become_events_once(house: House) -> None:
    house.models.launch(free())
    house.settle(Phase.READY)
    house.report(Phase.READY)
    told = [(one.kind, one.message) for one in house.store.events("m")]
    assert told == [
        ("assigned", "m-rep0 is assigned to node a"),
        ("queued", "m-rep0: queued"),
        ("loading", "m-rep0: loading after 1.5 s of queued"),
        ("ready", "m-rep0: ready after 2.5 s of loading"),
    ]
    assert [one.at_s for one in house.store.events("m")][1:] == [100.0, 101.5, 104.0]
    house.report(Phase.FAILED)
    last = house.store.events("m")[-1]
    assert (last.kind, last.message) == (
        "failed",
        "m-rep0: failed after 2.5 s of loading, weights of cheese",
    )
    house.report(None)
    assert house.store.events("m")[-1].kind == "ended"


def test_heartbeats_wake_nobody(house: House) -> None:
    house.report()
    changes = house.changes
    house.now += 10
    house.report()
    assert house.changes == changes
    assert house.store.observed().nodes["a"].seen_at_s == house.now


def test_what_replicas_take_is_learned_by_what_they_run(house: House) -> None:
    house.models.launch(free())
    house.settle(Phase.READY)
    (replica,) = house.store.assigned().replicas

    def takes(amount: int, phase: Phase = Phase.READY) -> int | None:
        house.sequence += 1
        seen = status(replica, phase, memory_bytes=amount)
        house.reports.report(node("a", seen, sequence=house.sequence).report)
        return house.measurements.measured().of(replace(replica.spec, uid="other", replicas=3))

    assert takes(500, Phase.LOADING) is None
    assert [takes(1000), takes(900), takes(1010), takes(1500)] == [1000, 1000, 1000, 1500]
    assert house.measurements.measured().of(replace(replica.spec, options={"x": 1})) is None
