"""The planner case by case."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.domain.clusters import (
    GIB,
    NOW,
    assigned,
    desired,
    loaded,
    node,
    observed,
    on,
    spec,
    status,
)
from xinfer.domain.fleet import Policy
from xinfer.domain.model import Limits, ModelSpec, Placement
from xinfer.domain.node import NodeState
from xinfer.domain.plan import plan
from xinfer.domain.replica import Phase
from xinfer.domain.routing import RouteState, routes
from xinfer.domain.state import Assigned, Desired, Observed

POLICY = Policy(node_grace_s=60.0)


def planned(
    want: Desired, have: Assigned, seen: Observed, policy: Policy = POLICY
) -> dict[str, str]:
    return places(plan(want, have, seen, NOW, policy))


def places(one: Assigned) -> dict[str, str]:
    return {replica.replica_id: replica.node for replica in one.replicas}


def test_new_replicas_spread_over_the_nodes() -> None:
    after = plan(desired(spec(replicas=4)), Assigned(), observed(node("a"), node("b")), NOW, POLICY)
    assert sorted(places(after).values()) == ["a", "a", "b", "b"]
    assert sorted(places(after)) == [f"m-rep{index}" for index in range(4)]


def test_a_model_that_is_satisfied_is_left_alone_whatever_happens_to_others() -> None:
    one, other = spec("one"), spec("other", memory_bytes=99 * GIB)
    have = assigned(on("b", one, 3))
    after = plan(desired(one, other), have, observed(node("a"), node("b")), NOW, POLICY)
    assert after.replicas == have.replicas
    assert list(after.refusals) == ["other"]


def test_what_need_not_restart_is_updated_in_place() -> None:
    old = spec()
    new = replace(old, limits=Limits(max_queue=3), launch_timeout_s=9)
    running = on("a", old)
    seen = observed(node("a", status(running)))
    after = plan(desired(new), assigned(running), seen, NOW, POLICY)
    assert after.replicas == (on("a", new),)


def test_scaling_down_gives_up_what_does_not_serve_then_the_highest_index() -> None:
    old = spec(replicas=4)
    held = [on("a", old, index) for index in range(4)]
    seen = observed(node("a", *(status(one) for one in held if one.index != 1)))
    want = desired(replace(old, replicas=2))
    assert planned(want, assigned(*held), seen) == {"m-rep0": "a", "m-rep2": "a"}


def test_a_retired_replica_ends_and_no_other_takes_its_name_while_it_is_retired() -> None:
    old = spec(replicas=3)
    held = [on("a", old, index) for index in range(3)]
    seen = observed(node("a", *(status(one) for one in held)))
    fewer = replace(old, replicas=2, retired=(1,))
    assert planned(desired(fewer), assigned(*held), seen) == {"m-rep0": "a", "m-rep2": "a"}
    grown = planned(desired(replace(fewer, replicas=3)), assigned(*held), seen)
    assert sorted(grown) == ["m-rep0", "m-rep2", "m-rep3"]
    silent = observed(node("a", silent_s=99))
    assert sorted(planned(desired(fewer), assigned(*held), silent)) == ["m-rep0", "m-rep2"]


def test_a_lost_node_gives_its_replicas_to_the_living_under_the_same_names() -> None:
    one = spec(replicas=2)
    have = assigned(on("a", one, 0), on("b", one, 1))
    seen = observed(node("a", silent_s=61), node("b", status(on("b", one, 1))))
    assert planned(desired(one), have, seen) == {"m-rep0": "b", "m-rep1": "b"}


def test_a_node_within_its_grace_keeps_its_replicas() -> None:
    one = spec()
    have = assigned(on("a", one))
    seen = observed(node("a", silent_s=59), node("b"))
    assert plan(desired(one), have, seen, NOW, POLICY) == have


def test_a_replica_of_a_lost_node_that_fits_nowhere_else_waits_for_its_node() -> None:
    one = spec(placement=Placement(node="a"))
    have = assigned(on("a", one))
    after = plan(desired(one), have, observed(node("a", silent_s=99), node("b")), NOW, POLICY)
    assert after.replicas == have.replicas
    assert "'a' is lost" in after.refusals["m"]
    assert after.lost == ("a",)


def test_when_all_are_silent_nothing_moves_but_what_is_unwanted_goes() -> None:
    one, gone, changed = spec("one", replicas=2), spec("gone"), spec("changed")
    have = assigned(on("b", changed), on("a", gone), on("a", one, 0), on("b", one, 1))
    seen = observed(node("a", silent_s=99), node("b", silent_s=99))
    new = replace(changed, options={"x": 1})
    want = desired(replace(one, replicas=1), new)
    assert planned(want, have, seen) == {"changed-rep0": "b", "one-rep0": "a"}
    assert plan(want, have, seen, NOW, POLICY).lost == ("a", "b"), "but nobody vouches for them"


def test_silence_before_the_planner_listened_is_not_held_against_a_node() -> None:
    one = spec()
    have = assigned(on("a", one))
    seen = observed(node("a", silent_s=3600), node("b"))
    fresh = Policy(node_grace_s=60, listening_since_s=NOW - 5)
    assert plan(desired(one), have, seen, NOW, fresh) == have
    late = Policy(node_grace_s=60, listening_since_s=NOW - 61)
    assert planned(desired(one), have, seen, late) == {"m-rep0": "b"}


def test_a_returning_node_does_not_double_what_was_moved_away() -> None:
    one = spec()
    stale = status(on("a", one))
    seen = observed(node("a", stale), node("b", status(on("b", one))))
    have = assigned(on("b", one))
    assert plan(desired(one), have, seen, NOW, POLICY) == have
    grown = planned(desired(replace(one, replicas=2)), have, seen)
    assert len(grown) == 2


def test_a_name_that_still_runs_on_another_node_is_not_given_again() -> None:
    one = spec(placement=Placement(node="b"))
    draining = status(on("a", one), Phase.DRAINING)
    assert planned(desired(one), Assigned(), observed(node("a", draining), node("b"))) == {
        "m-rep1": "b"
    }
    assert planned(desired(one), Assigned(), observed(node("a"), node("b", draining))) == {
        "m-rep0": "b"
    }


def test_a_stored_double_is_undone() -> None:
    one = spec(replicas=2)
    have = assigned(on("a", one), on("b", one))
    after = plan(desired(one), have, observed(node("a"), node("b")), NOW, POLICY)
    assert sorted(places(after)) == ["m-rep0", "m-rep1"]


def change(old: ModelSpec, **more: object) -> ModelSpec:
    return replace(old, options={"version": 2}, **more)  # type: ignore[arg-type]


def test_a_change_surges_by_one_and_keeps_the_old_until_the_new_is_ready() -> None:
    old = spec(replicas=2)
    new = change(old)
    held = [on("a", old, 0), on("a", old, 1)]
    ready = [status(one) for one in held]
    surge = on("a", new, 2)
    first = plan(desired(new), assigned(*held), observed(node("a", *ready)), NOW, POLICY)
    assert first.replicas == (*held, surge)
    loading = observed(node("a", *ready, status(surge, Phase.LOADING)))
    assert plan(desired(new), first, loading, NOW, POLICY) == first
    second = plan(desired(new), first, observed(node("a", *ready, status(surge))), NOW, POLICY)
    assert [(one.index, one.spec == new) for one in second.replicas] == [
        (0, False),
        (1, True),
        (2, True),
    ]


def test_fewer_in_the_middle_of_a_change_gives_up_a_new_one_that_does_not_serve_yet() -> None:
    old = spec(replicas=2)
    new = change(old)
    held = [on("a", old, 0), on("a", old, 1), on("a", new, 2), on("a", new, 3)]
    seen = observed(
        node("a", *map(status, held[:2]), *(status(one, Phase.LOADING) for one in held[2:]))
    )
    after = plan(desired(new), assigned(*held), seen, NOW, POLICY)
    assert [one.index for one in after.replicas] == [0, 1, 2]


def test_a_change_before_anything_was_ready_replaces_at_once() -> None:
    old = spec(replicas=2)
    new = change(old)
    seen = observed(node("a", status(on("a", old), Phase.LOADING)))
    after = plan(desired(new), assigned(on("a", old), on("a", old, 1)), seen, NOW, POLICY)
    assert after.replicas == (on("a", new, 0), on("a", new, 1))


def test_without_room_just_enough_old_ones_of_one_node_make_place() -> None:
    old = spec("m", replicas=1, memory_bytes=4 * GIB)
    held = [on("a", old, index) for index in range(3)]
    new = change(old, replicas=3, memory_bytes=8 * GIB)
    seen = observed(node("a", *(status(one) for one in held), memory=12))
    after = plan(desired(new), assigned(*held), seen, NOW, POLICY)
    assert after.replicas == (on("a", old, 0), on("a", new, 1))
    assert after.refusals == {}


def test_old_ones_are_not_given_up_when_that_would_not_help() -> None:
    old = spec(memory_bytes=4 * GIB)
    new = change(old, memory_bytes=64 * GIB)
    have = assigned(on("a", old))
    after = plan(desired(new), have, observed(node("a", status(on("a", old)))), NOW, POLICY)
    assert after.replicas == have.replicas
    assert "64.0 GiB" in after.refusals["m"]


def test_a_model_told_to_run_elsewhere_moves_there_by_a_rolling_change() -> None:
    old = spec()
    new = replace(old, placement=Placement(node="b"))
    first = plan(
        desired(new), assigned(on("a", old)), observed(node("a", status(on("a", old))), node("b")),
        NOW, POLICY,
    )  # fmt: skip
    assert places(first) == {"m-rep0": "a", "m-rep1": "b"}
    seen = observed(node("a", status(on("a", old))), node("b", status(on("b", new, 1))))
    assert places(plan(desired(new), first, seen, NOW, POLICY)) == {"m-rep1": "b"}


def test_room_that_one_model_gives_up_is_offered_to_the_others_in_the_same_plan() -> None:
    first, second = spec("a", memory_bytes=10 * GIB), spec("b", memory_bytes=10 * GIB)
    have = assigned(on("n", second), refusals={"a": "no room"})
    want = desired(first, replace(second, replicas=0))
    after = plan(want, have, observed(node("n")), NOW, POLICY)
    assert places(after) == {"a-rep0": "n"}
    assert after.refusals == {}


def test_nobody_there_yet_is_a_reason_to_wait_and_a_shortage_is_a_failure() -> None:
    one = spec(memory_bytes=99 * GIB)
    nobody = plan(desired(one), Assigned(), Observed(), NOW, POLICY)
    route = routes(desired(one), nobody, Observed())["m"]
    assert (route.state, route.reason) == (RouteState.LOADING, "No worker has joined yet.")
    small = observed(node("a"))
    refused = plan(desired(one), nobody, small, NOW, POLICY)
    route = routes(desired(one), refused, small)["m"]
    assert route.state is RouteState.FAILED
    assert "99.0 GiB" in route.reason
    assert "16.0 GiB" in route.reason


def test_a_shortage_that_an_awaited_node_may_end_is_a_reason_to_wait() -> None:
    one = spec(memory_bytes=99 * GIB)
    seen = observed(node("a"), node("big", memory=200, silent_s=600))
    policy = Policy(node_grace_s=60, listening_since_s=NOW - 1)
    after = plan(desired(one), Assigned(), seen, NOW, policy)
    assert after.refusals == {}
    assert "m" in after.waiting


def test_a_replica_that_its_node_weighed_and_refuses_goes_where_there_is_room() -> None:
    def go(want: Desired, have: Assigned, *nodes: NodeState) -> Assigned:
        return plan(want, have, observed(*nodes), NOW, POLICY)

    blind, need = loaded(), loaded(memory_bytes=20 * GIB)
    parked = on("a", blind)
    refuses = status(parked, Phase.QUEUED, no_room="too heavy")
    have = assigned(parked)
    moved = go(desired(need), have, node("a", refuses), node("b", memory=32))
    assert [(one.replica_id, one.node) for one in moved.replicas] == [("m-rep1", "b")]
    assert moved.replicas[0].spec.memory_bytes == 20 * GIB
    assert go(desired(blind), moved, node("a"), node("b", memory=32)) == moved, "not forgotten"

    other = loaded("other", memory_bytes=10 * GIB)
    stuck = go(desired(need, other), have, node("a", refuses))
    assert "needs 20.0 GiB; node 'a': 6.0 GiB of 16.0 GiB memory free" in stuck.refusals["m"]
    assert stuck.replicas == (parked, on("a", other)), "it keeps no memory from others"

    grown = go(desired(need), have, node("a", refuses, memory=32))
    assert grown.replicas == (on("a", need),)
    assert go(desired(need), grown, node("a", refuses, memory=8)) == grown, "decided once"


def test_replicas_wait_a_little_for_the_machines_that_the_recipe_names() -> None:
    seen, both = observed(node("a")), observed(node("a"), node("b"))
    policy = Policy(listening_since_s=NOW - 5, named=frozenset("ab"))
    early = plan(desired(spec(replicas=4)), Assigned(), seen, NOW, policy)
    assert places(early) == {"m-rep0": "a"}
    assert "waits for b to join" in early.waiting["m"]
    assert early.refusals == {}
    there = plan(desired(spec(replicas=4)), early, both, NOW, policy)
    assert sorted(places(there).values()) == ["a", "a", "b", "b"]
    late = replace(policy, listening_since_s=NOW - 16)
    assert sorted(planned(desired(spec(replicas=2)), early, seen, late).values()) == ["a", "a"]
