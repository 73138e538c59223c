"""Where one more replica goes, and what is said when it can go nowhere."""

from __future__ import annotations

from tests.unit.domain.clusters import GIB, loaded, node, observed, on, spec
from xinfer.domain.memory import Room
from xinfer.domain.model import ModelSpec, Placement
from xinfer.domain.node import NodeState
from xinfer.domain.placement import Seat, place
from xinfer.domain.refusal import Refusal
from xinfer.domain.state import AssignedReplica


def placed(of: ModelSpec, *nodes: NodeState, taken: tuple[AssignedReplica, ...] = ()) -> Seat | str:
    reports = {name: state.report for name, state in observed(*nodes).nodes.items()}
    found = place(of, reports, taken)
    return found.message if isinstance(found, Refusal) else found


def test_node_and_labels_are_obeyed() -> None:
    nodes = node("a"), node("b", labels={"zone": "east", "disk": "ssd"})
    assert placed(spec(placement=Placement(node="b")), *nodes) == Seat(node="b")
    assert placed(spec(placement=Placement(labels={"zone": "east"})), *nodes) == Seat(node="b")
    refusal = placed(spec(placement=Placement(labels={"zone": "west"})), *nodes)
    assert "zone=west" in str(refusal)
    assert "node 'a'" in str(refusal)
    unknown = placed(spec(placement=Placement(node="c")), *nodes)
    assert unknown == "It must run on node 'c', which is not there (there are: a, b)."


def test_a_node_is_also_meant_by_its_address() -> None:
    nodes = node("a"), node("bb")
    for name in ("bb", "127.0.0.1:9002"):
        assert placed(spec(placement=Placement(node=name)), *nodes) == Seat(node="bb")
    local = Placement(node="127.0.0.1", labels={"zone": "east"})
    refusal = str(placed(spec(placement=local), *nodes))
    assert "node 'a': lacks the label zone=east; node 'bb': lacks the label" in refusal
    lacking = Placement(node="bb", n_gpu=1)
    refusal = str(placed(loaded(placement=lacking), *nodes))
    assert "node 'bb': has no accelerator" in refusal
    assert "'a'" not in refusal


def test_a_refusal_names_what_each_node_lacks() -> None:
    nodes = node("cpu"), node("small", gpus=[8]), node("full", gpus=[80], labels={"disk": "fast"})
    wanted = Placement(n_gpu=1, labels={"disk": "fast"})
    busy = on("full", loaded("x"), 0, 0)
    refusal = placed(loaded(memory_bytes=20 * GIB, placement=wanted), *nodes, taken=(busy,))
    assert refusal == (
        "No node can take a replica that needs 20.0 GiB and 1 accelerator and the label disk=fast; "
        "node 'cpu': lacks the label disk=fast; node 'full': 0 of 1 accelerators free; "
        "node 'small': lacks the label disk=fast."
    )


def test_what_others_asked_for_is_not_given_twice() -> None:
    big = spec("big", memory_bytes=10 * GIB)
    one = spec(memory_bytes=7 * GIB)
    assert placed(one, node("a"), node("b"), taken=(on("a", big),)) == Seat(node="b")
    refusal = placed(one, node("a"), taken=(on("a", big),))
    assert "needs 7.0 GiB" in str(refusal)
    assert "node 'a': 6.0 GiB of 16.0 GiB memory free (replicas ask for 10.0 GiB)" in str(refusal)


def test_what_other_programs_hold_is_not_given_either() -> None:
    idle, busy = node("idle"), node("busy", held=9)
    assert placed(spec(memory_bytes=8 * GIB), busy, idle) == Seat(node="idle")
    assert placed(spec(memory_bytes=7 * GIB), busy) == Seat(node="busy")
    other = on("busy", spec("other", memory_bytes=4 * GIB))
    refusal = placed(spec(memory_bytes=7 * GIB), busy, taken=(other,))
    assert (
        "node 'busy': 3.0 GiB of 16.0 GiB memory free"
        " (replicas ask for 4.0 GiB, other programs hold 9.0 GiB)."
    ) in str(refusal)


def test_an_accelerator_that_others_fill_is_not_free() -> None:
    gpus = node("a", gpus=[24, 24], held_on=[20, 2])
    large = loaded(memory_bytes=10 * GIB)
    assert placed(large, gpus) == Seat(node="a", devices=(1,))
    alone = loaded(memory_bytes=10 * GIB, placement=Placement(n_gpu=1))
    assert placed(alone, gpus) == Seat(node="a", devices=(1,))
    refusal = placed(loaded(memory_bytes=23 * GIB), gpus)
    assert "at most 22.0 GiB free on one accelerator (other programs hold up to 20.0 GiB" in str(
        refusal
    )
    both = loaded(memory_bytes=20 * GIB, placement=Placement(n_gpu=2))
    refusal = placed(both, gpus)
    assert "1 of 2 accelerators free (other programs hold up to 20.0 GiB of one)" in str(refusal)


def test_the_largest_that_fits_is_what_the_placement_gives() -> None:
    state = node("a", gpus=[24, 16, 8], held_on=[4, 0, 0], held=3)
    taken = (on("a", loaded("x", memory_bytes=2 * GIB), 0, 1),)
    room = Room(machine=state.report.machine, taken=taken)
    assert (room.free(), room.free_by_device()) == (13 * GIB, (20 * GIB, 14 * GIB, 8 * GIB))
    for wanted, largest in ((None, 13), ("auto", 20), (2, 28), (3, 24), (4, 0)):
        assert room.largest(loaded(placement=Placement(n_gpu=wanted))) == largest * GIB


def test_the_emptiest_node_is_preferred() -> None:
    other = on("a", spec("other"))
    assert placed(spec(), node("a"), node("b"), taken=(other,)) == Seat(node="b")
    assert placed(spec(), node("a"), node("b", memory=32)) == Seat(node="b")


def test_automatic_takes_the_least_shared_accelerator_with_the_memory() -> None:
    gpus = node("a", gpus=[8, 24])
    small, big = loaded("small", memory_bytes=4 * GIB), loaded("big", memory_bytes=20 * GIB)
    assert placed(small, gpus) == Seat(node="a", devices=(0,))
    assert placed(big, gpus) == Seat(node="a", devices=(1,))
    assert placed(small, gpus, taken=(on("a", small, 0, 0),)) == Seat(node="a", devices=(1,))
    crowd = (on("a", small, 0, 0), on("a", big, 0, 1))
    assert placed(small, gpus, taken=crowd) == Seat(node="a", devices=(0,))
    assert "4.0 GiB free on one accelerator" in str(placed(big, gpus, taken=crowd))


def test_no_accelerator_for_what_loads_no_files_or_wants_none() -> None:
    gpus = node("a", gpus=[8])
    assert placed(spec(), gpus) == Seat(node="a")
    assert placed(loaded(placement=Placement(n_gpu=None)), gpus) == Seat(node="a")
    assert placed(loaded(), node("cpu")) == Seat(node="cpu")


def test_a_number_means_accelerators_of_its_own() -> None:
    gpus = node("a", gpus=[8, 8, 8])
    two = loaded(placement=Placement(n_gpu=2))
    assert placed(two, gpus) == Seat(node="a", devices=(0, 1))
    assert placed(two, gpus, taken=(on("a", loaded("x"), 0, 0),)) == Seat(node="a", devices=(1, 2))
    refusal = placed(two, gpus, taken=(on("a", two, 0, 0, 1),))
    assert "needs 2 accelerators" in str(refusal)
    assert "1 of 3 accelerators free" in str(refusal)
    assert "has no accelerator" in str(placed(two, node("cpu")))
    large = loaded(memory_bytes=30 * GIB, placement=Placement(n_gpu=2))
    assert "has 0 accelerators with 15.0 GiB" in str(placed(large, gpus))


def test_named_accelerators_are_shared_out_to_the_replicas() -> None:
    gpus = node("a", gpus=[8, 8, 8, 8])
    each = loaded(replicas=2, placement=Placement(gpu_idx=(0, 1, 2, 3)))
    assert placed(each, gpus) == Seat(node="a", devices=(0, 1))
    assert placed(each, gpus, taken=(on("a", each, 0, 0, 1),)) == Seat(node="a", devices=(2, 3))
    missing = loaded(placement=Placement(gpu_idx=(1, 7)))
    assert "has no accelerator 7" in str(placed(missing, gpus))
