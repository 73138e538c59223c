"""Control over a real store: who plans, what it writes, what it tells, and whose silence counts."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.unit.domain.clusters import GIB, node, on, spec, status
from xinfer.control.cluster import LEASE_TTL_S, ClusterControl
from xinfer.domain.model import ModelSpec, Placement
from xinfer.domain.node import NodeState
from xinfer.store.cluster_store import ClusterStore
from xinfer.store.database import Database

GRACE_S = 60.0


@dataclass
class Stage:
    """A store, a clock, and any number of processes that want to plan."""

    store: ClusterStore
    now: float = 50_000.0
    sequence: int = 0
    made: dict[str, ClusterControl] = field(default_factory=dict)

    def clock(self) -> float:
        return self.now

    def control(self, name: str = "one") -> ClusterControl:
        if name not in self.made:
            self.made[name] = ClusterControl(
                name,
                desired=self.store,
                assigned=self.store,
                observed=self.store,
                events=self.store,
                node_grace_s=GRACE_S,
                clock=self.clock,
            )
        return self.made[name]

    def want(self, *specs: ModelSpec) -> None:
        models = {one.uid: one for one in specs}
        self.store.write_desired(models, expected=self.store.desired().revision)

    def hear(self, *nodes: NodeState) -> None:
        for one in nodes:
            self.sequence += 1
            self.store.record(replace(one.report, sequence=self.sequence), self.now)

    def run(self, seconds: float, *nodes: NodeState, name: str = "one") -> None:
        """A step a second, with reports of these nodes."""
        for _ in range(int(seconds)):
            self.now += 1
            self.hear(*nodes)
            self.control(name).step()

    def places(self) -> dict[str, str]:
        return {one.replica_id: one.node for one in self.store.assigned().replicas}

    def told(self, uid: str) -> list[tuple[str, str]]:
        return [(event.kind, event.message) for event in self.store.events(uid)]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    database = Database(f"sqlite:///{tmp_path}/xinfer.db")
    database.migrate()
    store = ClusterStore(database)
    made = Stage(store)
    store._clock = made.clock
    yield made
    database.close()


def test_what_is_desired_gets_assigned_and_told(stage: Stage) -> None:
    stage.want(spec(replicas=2), spec("big", memory_bytes=99 * GIB))
    stage.control().step()
    assert stage.places() == {}
    assert stage.told("m") == [("waiting", "No worker has joined yet.")]
    stage.run(1, node("a"))
    assert stage.places() == {"m-rep0": "a", "m-rep1": "a"}
    assert stage.told("m")[1:] == [
        ("assigned", "m-rep0 is assigned to node a"),
        ("assigned", "m-rep1 is assigned to node a"),
    ]
    assert stage.told("big")[-1][0] == "refused"


def test_nothing_to_do_writes_nothing(stage: Stage) -> None:
    stage.want(spec())
    stage.run(2, node("a"))
    revision, stamp = stage.store.assigned().revision, stage.store.stamp()
    stage.run(10, node("a"))
    assert (stage.store.assigned().revision, stage.store.stamp()) == (revision, stamp)


def test_one_plans_and_another_goes_on_when_it_is_gone(stage: Stage) -> None:
    stage.hear(node("a"))
    stage.control("one").step()
    stage.want(spec())
    stage.control("other").step()
    assert stage.places() == {}
    stage.now += LEASE_TTL_S + 1
    stage.hear(node("a"))
    stage.control("other").step()
    assert stage.places() == {"m-rep0": "a"}
    stage.want()
    stage.control("one").step()
    assert stage.places() == {"m-rep0": "a"}, "its lease is gone"
    stage.control("other").release()
    stage.control("one").step()
    assert stage.places() == {}


def test_a_holder_that_slept_cannot_write(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.hear(node("a"))
    sleeper = stage.control("one")
    sleeper.step()
    stage.now += LEASE_TTL_S + 1
    stage.control("other").step()
    sleeper._renew_at_s = stage.now + 99
    stage.want(spec())
    stage.hear(node("a"))
    with caplog.at_level(logging.INFO):
        sleeper.step()
    assert stage.places() == {}
    assert "taken over" in caplog.text
    sleeper.step()
    assert stage.places() == {}


def test_a_lost_nodes_replicas_move_and_it_is_told(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.want(spec())
    stage.run(1, node("a"))
    stage.run(GRACE_S - 1, node("b"))
    assert stage.places() == {"m-rep0": "a"}
    stage.run(2, node("b"))
    assert stage.places() == {"m-rep0": "b"}
    assert stage.told("m")[-1] == ("moved", "m-rep0 moves to node b: node a is lost")
    assert "Node a is lost" in caplog.text


def test_a_supervisor_that_was_away_gives_every_node_its_full_grace(stage: Stage) -> None:
    stage.want(spec("x"), spec("y"))
    stage.run(3, node("a"), node("b"))
    before = stage.places()
    assert sorted(before.values()) == ["a", "b"]
    stage.now += 3600
    stage.run(GRACE_S - 2, node("a"), name="new process")
    assert stage.places() == before
    stage.run(5, node("a"), name="new process")
    assert set(stage.places().values()) == {"a"}


def test_a_suspended_supervisor_does_too(stage: Stage) -> None:
    stage.want(spec("x"), spec("y"))
    stage.run(3, node("a"), node("b"))
    before = stage.places()
    stage.now += 3600
    stage.run(GRACE_S - 2, node("a"))
    assert stage.places() == before


def test_after_a_silence_of_all_every_node_gets_its_full_grace(stage: Stage) -> None:
    stage.want(spec("x"), spec("y"))
    stage.run(3, node("a"), node("b"))
    before = stage.places()
    stage.run(3 * GRACE_S)
    assert stage.places() == before
    stage.run(GRACE_S - 2, node("a"))
    assert stage.places() == before


def test_a_node_that_is_gone_for_a_day_is_forgotten_unless_it_is_waited_for(stage: Stage) -> None:
    pinned = spec("pinned", placement=Placement(node="kept"))
    stage.want(pinned)
    stage.run(2, node("a"), node("gone"), node("kept"))
    stage.run(2 * GRACE_S, node("a"))
    stage.now += 24 * 3600
    stage.run(2 * GRACE_S, node("a"))
    assert sorted(stage.store.observed().nodes) == ["a", "kept"]


def test_a_rolling_change_is_told_as_it_goes(stage: Stage) -> None:
    old = spec()
    stage.want(old)
    stage.run(1, node("a"))
    stage.run(1, node("a", status(on("a", old))))
    new = spec(options={"v": 2})
    stage.want(new)
    stage.run(1, node("a", status(on("a", old))))
    assert stage.places() == {"m-rep0": "a", "m-rep1": "a"}
    stage.run(1, node("a", status(on("a", old)), status(on("a", new, 1))))
    assert stage.places() == {"m-rep1": "a"}
    assert [kind for kind, _ in stage.told("m")] == ["assigned", "assigned", "dropped"]


def test_a_refusal_is_told_anew_when_something_else_is_missing(stage: Stage) -> None:
    stage.want(spec(memory_bytes=20 * GIB))
    for held in (1, 4, 9):
        stage.run(1, node("a", held=held))
    assert [kind for kind, _ in stage.told("m")] == ["refused"], "amounts are no other reason"
    stage.run(1, node("a", labels={"disk": "fast"}), node("b"))
    assert "node 'b': 16.0 GiB" in stage.told("m")[-1][1]
    stage.want(spec(memory_bytes=20 * GIB, placement=Placement(labels={"disk": "fast"})))
    stage.run(1, node("a", labels={"disk": "fast"}), node("b"))
    assert "node 'b': lacks the label disk=fast" in stage.told("m")[-1][1]
    stage.want(spec(memory_bytes=20 * GIB, placement=Placement(labels={"disk": "slow"})))
    stage.run(1, node("a", labels={"disk": "fast"}), node("b"))
    assert [kind for kind, _ in stage.told("m")] == ["refused"] * 4


def test_a_refusal_is_written_again_only_for_amounts_that_are_worth_it(stage: Stage) -> None:
    def hear(held_mib: int) -> int:
        one = node("a")
        machine = replace(one.report.machine, memory_held_bytes=held_mib * 2**20)
        stage.run(1, replace(one, report=replace(one.report, machine=machine)))
        return stage.store.assigned().revision

    stage.want(spec(memory_bytes=16 * GIB))
    first = hear(1024)
    assert [hear(1024 + mib) for mib in (-60, 60, 250, 500, 750)] == [first] * 5
    assert "(other programs hold 1.0 GiB)" in stage.store.assigned().refusals["m"]
    stage.want(spec(memory_bytes=16 * GIB), spec("other"))
    other = hear(1024 + 750)
    assert "(other programs hold 1.0 GiB)" in stage.store.assigned().refusals["m"]
    last = hear(1024 + 900)
    assert (other, last) == (first + 1, first + 2), "slight changes add up"
    assert "(other programs hold 1.9 GiB)" in stage.store.assigned().refusals["m"]
    assert [kind for kind, _ in stage.told("m")] == ["refused"]
    stage.want(spec(memory_bytes=12 * GIB))
    assert hear(1024) > last
    assert stage.store.assigned().refusals == {}
