"""Launching, waiting and terminating as their callers see them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.domain.clusters import GIB, loaded, node, spec
from tests.unit.services.conftest import House
from xinfer.domain.model import ModelKind, ModelSpec, Origin, Placement
from xinfer.domain.replica import Phase, ReplicaStatus
from xinfer.errors import Cancelled, Invalid, LaunchFailed, NoCapacity, NotFound, NotReady


def free(uid: str = "m", **more: object) -> ModelSpec:
    return replace(spec(uid, **more), engine="free")


def paper(**more: object) -> ModelSpec:
    return replace(loaded(**more), engine="PAPER")


def test_a_launch_is_stored_with_canonical_options_over_the_engines_defaults(house: House) -> None:
    launched = house.models.launch(paper(options={"context_length": "8"}))
    assert launched == house.store.desired().models["m"]
    assert launched.engine == "paper"
    assert launched.options == {"threads": 4, "n_ctx": 8}
    assert (launched.origin, launched.created_s) == (Origin.API, 10_000)
    assert house.changes == 1


@pytest.mark.parametrize(
    ("wrong", "words", "hint"),
    [
        (paper(options={"n_ctz": 1}), "no option 'n_ctz'", "n_ctx"),
        (paper(options={"n_ctx": "many"}), "expected int", "Tokens"),
        (replace(paper(), engine="papyr"), "no engine 'papyr'", "paper"),
        (replace(free(), engine="paper"), "catalog has no LLM model 'm'", "model_path"),
        (
            replace(free(), engine="paper", family="qwen"),
            "catalog has no LLM model 'qwen'",
            "source",
        ),
        (paper(kind=ModelKind.EMBEDDING), "does not serve models of type embedding", "LLM"),
        (free("../../etc"), "not usable", "a-z"),
        (free("m-rep0"), "ends like a replica", "-rep"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_stored(
    house: House, wrong: ModelSpec, words: str, hint: str
) -> None:
    with pytest.raises(Invalid, match=words) as caught:
        house.models.launch(wrong)
    assert hint in caught.value.hint
    assert house.store.desired().revision == 0


def test_an_engine_that_no_known_machine_can_run_is_refused(house: House) -> None:
    other = node("mac").report
    house.reports.report(replace(other, machine=replace(other.machine, system="Darwin")))
    with pytest.raises(Invalid, match="does not run on Darwin"):
        house.models.launch(free())
    house.report()
    assert house.models.launch(free()).uid == "m"


def test_a_taken_uid_is_refused_when_given_and_avoided_when_not(house: House) -> None:
    house.models.launch(free("chat"))
    with pytest.raises(Invalid, match="is taken"):
        house.models.launch(free("chat"))
    with pytest.raises(Invalid, match="differs from 'chat' by case only"):
        house.models.launch(free("Chat"))
    second = house.models.launch(free("chat"), uid_is_given=False)
    assert second.uid.startswith("chat-")
    assert len(second.uid) == len("chat-") + 8
    assert sorted(house.store.desired().models) == sorted(["chat", second.uid])


def test_what_can_never_fit_is_refused_with_the_shortage(house: House) -> None:
    house.report()
    with pytest.raises(NoCapacity, match=r"64.0 GiB.*16.0 GiB"):
        house.models.launch(free(memory_bytes=64 * GIB))
    with pytest.raises(NoCapacity, match="node 'elsewhere'"):
        house.models.launch(free(placement=Placement(node="elsewhere")))
    assert house.store.desired().models == {}


def test_without_a_worker_a_launch_is_accepted_and_waits(house: House) -> None:
    house.models.launch(free(memory_bytes=64 * GIB))
    assert list(house.store.desired().models) == ["m"]


def test_waiting_ends_when_every_replica_serves(house: House) -> None:
    house.script = [
        lambda: house.settle(Phase.LOADING),
        lambda: house.report(Phase.READY) and None,
    ]
    launched = house.models.launch_and_wait(free(replicas=2))
    assert launched.uid == "m"
    assert house.script == []
    assert all(one.is_ready for one in house.models.view().replicas("m"))


def test_a_launch_that_fails_is_told_with_its_cause_and_withdrawn(house: House) -> None:
    house.script = [lambda: house.settle(Phase.FAILED)]
    with pytest.raises(LaunchFailed, match="failed while loading: weights of cheese") as caught:
        house.models.launch_and_wait(free())
    assert (caught.value.phase, caught.value.cause) == ("loading", "weights of cheese")
    assert caught.value.tail == ("a", "b")
    assert house.store.desired().models == {}
    house.script = [lambda: house.settle(Phase.READY), lambda: house.settle(Phase.READY)]
    assert house.models.launch_and_wait(free()).uid == "m"
    assert house.script == []


def test_what_was_launched_and_rests_is_tried_again_by_the_same_launch(house: House) -> None:
    house.models.launch(free())
    house.settle()
    with pytest.raises(Invalid, match="is taken"):
        house.models.launch(free())
    house.report(Phase.FAILED)
    with pytest.raises(Invalid, match="is taken"):
        house.models.launch(free(env={"A": "b"}))
    house.script = [house.control.step, lambda: house.settle(Phase.FAILED)]
    with pytest.raises(LaunchFailed):
        house.models.launch_and_wait(free())
    assert house.store.desired().models["m"].attempt == 1, "it was declared before"
    house.script = [house.control.step, house.settle]
    assert house.models.launch_and_wait(free()).attempt == 2
    assert house.script == []


def test_a_uid_whose_failed_replica_does_not_go_is_not_given_again(house: House) -> None:
    house.models.launch(free())
    house.settle(Phase.FAILED)
    house.models.terminate("m")
    house.control.step()
    with pytest.raises(NotReady, match="earlier 'm'"):
        house.models.launch(free())
    house.now += 100
    assert house.models.launch(free()).uid == "m", "a node that is silent does not block a name"


def test_what_an_earlier_model_of_the_uid_left_behind_is_no_success_of_the_next(
    house: House,
) -> None:
    house.models.launch(free(replicas=3))
    house.settle()
    house.models.terminate("m")
    left = []
    house.script = [
        lambda: left.append(house.store.desired().models),
        house.control.step,
        lambda: left.append(house.store.desired().models),
        lambda: house.report(None) and None,
        house.control.step,
        lambda: house.report(Phase.READY) and None,
    ]
    house.models.launch_and_wait(free(replicas=2))
    assert house.script == []
    assert left == [{}, {}], "it is declared when its node has begun to end the earlier one"
    assert [one.assigned.index for one in house.models.view().replicas("m")] == [0, 1]


def test_a_node_that_does_not_answer_keeps_no_uid_from_being_launched_elsewhere(
    house: House,
) -> None:
    house.models.launch(free())
    house.settle()
    house.models.terminate("m")
    house.script = [house.control.step]
    assert house.models.launch(free()).uid == "m"
    assert house.now == 10_010, "it had its time to answer"


def test_the_end_of_an_earlier_life_is_no_part_of_the_next_launch(house: House) -> None:
    house.models.launch(free())
    house.settle()

    def status() -> ReplicaStatus | None:
        return house.models.view().replicas("m")[0].status

    house.report(Phase.STOPPED)
    assert status() is None
    house.report(Phase.DRAINING)
    assert status() is not None, "its node knows what is assigned, and ends it all the same"
    house.models.launch(free("n"))
    house.control.step()
    assert status() is None


def test_a_refused_launch_ends_the_wait_too(house: House) -> None:
    house.models.launch(free("big", memory_bytes=10 * GIB))
    house.script = [house.settle]
    with pytest.raises(NoCapacity, match="can be placed nowhere"):
        house.models.launch_and_wait(free("second", memory_bytes=10 * GIB))
    assert list(house.store.desired().models) == ["big"]


def test_a_launch_of_which_only_some_replicas_find_room_ends_the_wait_and_is_withdrawn(
    house: House,
) -> None:
    house.script = [house.settle]
    with pytest.raises(NoCapacity, match=r"Of 2 replicas of model 'm' only 1 found room. .*GiB"):
        house.models.launch_and_wait(free(replicas=2, memory_bytes=10 * GIB))
    assert house.now == 10_000, "nobody waited for what does not come"
    assert house.store.desired().models == {}


def test_a_replica_that_its_node_refuses_is_not_waited_for(house: House) -> None:
    house.report(None)
    house.models.launch(free(replicas=2))
    house.control.step()
    assigned = house.store.assigned()
    lease = house.store.acquire("control", 60)
    assert lease is not None
    refusing = replace(assigned, refusals={"m": "It needs 9.0 GiB."})
    after = house.store.write_assigned(refusing, expected=assigned.revision, lease=lease)
    serves, other = (house.status(one, Phase.READY) for one in assigned.replicas)
    refused = replace(other, phase=Phase.QUEUED, no_room="too heavy")
    said = node("a", serves, refused, sequence=9).report
    house.reports.report(replace(said, assignment=after.revision))
    with pytest.raises(
        NoCapacity, match=r"Of 2 replicas of model 'm' only 1 found room\. It needs"
    ):
        house.models.await_ready("m", 60)
    assert house.now == 10_000


def test_a_launch_that_is_terminated_ends_the_wait(house: House) -> None:
    house.script = [lambda: house.models.terminate("m")]
    with pytest.raises(Cancelled, match="terminated while"):
        house.models.launch_and_wait(free())


def test_a_launch_that_takes_too_long_goes_on(house: House) -> None:
    with pytest.raises(NotReady, match="is not ready yet"):
        house.models.launch_and_wait(free(launch_timeout_s=5))
    assert list(house.store.desired().models) == ["m"]


def test_terminating_and_scaling_change_what_is_desired(house: House) -> None:
    house.models.launch(free())
    house.replicas.scale("m", 3)
    assert house.store.desired().models["m"].replicas == 3
    revision = house.store.desired().revision
    house.replicas.scale("m", 3)
    assert house.store.desired().revision == revision
    house.models.terminate("m")
    assert house.store.desired().models == {}
    with pytest.raises(NotFound, match="no model 'm'"):
        house.models.terminate("m")
    with pytest.raises(Invalid):
        house.replicas.scale("m", -1)
