"""Rolling changes: with room to spare nobody notices, without it one replica at a time."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_plan_cluster import GIB, Node, World
from xinfer.domain.model import ModelSpec


def world(nodes: int, memory_gib: int, spec: ModelSpec) -> World:
    made = World()
    for number in range(nodes):
        made.nodes[f"n{number}"] = Node(f"n{number}", memory_gib)
    made.models[spec.uid] = spec
    for _ in range(3):
        made.turn()
    assert made.serving(spec.uid) == spec.replicas
    return made


def roll(made: World, spec: ModelSpec) -> list[int]:
    """How many replicas served after each turn, until the change is through."""
    made.models[spec.uid] = spec
    served, surge = [], spec.replicas + 1
    for _ in range(10 * (spec.replicas + 2)):
        made.turn()
        served.append(made.serving(spec.uid))
        assert len(made.running()) == len(set(made.running())), "one name, two processes"
        assert len(made.assigned.replicas) <= max(surge, len(made.before.replicas))
    assert [one.spec for one in made.of(spec.uid)] == [spec] * spec.replicas
    assert served[-1] == spec.replicas
    assert made.assigned.refusals == {}
    return served


@settings(max_examples=60, deadline=None)
@given(
    nodes=st.integers(1, 3),
    before=st.integers(0, 5),
    after=st.integers(0, 5),
    memory=st.sampled_from([None, GIB]),
)
def test_with_room_to_surge_service_never_dips(
    nodes: int, before: int, after: int, memory: int | None
) -> None:
    old = ModelSpec(uid="m", engine="echo", replicas=before, memory_bytes=memory)
    made = world(nodes, 20, old)
    served = roll(made, replace(old, options={"version": 2}, replicas=after))
    assert min(served) >= min(before, after)


@settings(max_examples=40, deadline=None)
@given(replicas=st.integers(1, 4), nodes=st.integers(1, 2))
def test_without_room_one_replica_at_a_time_is_given_up(replicas: int, nodes: int) -> None:
    old = ModelSpec(uid="m", engine="echo", replicas=replicas * nodes, memory_bytes=GIB)
    made = world(nodes, replicas, old)
    served = roll(made, replace(old, options={"version": 2}))
    assert min(served) >= old.replicas - 1


@settings(max_examples=20, deadline=None)
@given(replicas=st.integers(1, 4), room=st.booleans())
def test_a_version_that_never_gets_ready_takes_no_more_than_one_old_replica(
    replicas: int, room: bool
) -> None:
    old = ModelSpec(uid="m", engine="echo", replicas=replicas, memory_bytes=GIB)
    made = world(1, replicas + room, old)
    broken = replace(old, options={"version": "broken"})
    made.models["m"] = broken
    for _ in range(20):
        made.turn()
        for process in made.nodes["n0"].processes.values():
            if process.digest == broken.digest():
                process.phase = process.phase.FAILED
    still = [one for one in made.of("m") if one.spec == old]
    assert len(still) == replicas - (not room)
