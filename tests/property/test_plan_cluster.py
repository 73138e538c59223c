"""The planner drives a simulated cluster in which everything happens at random moments."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from xinfer.domain.fleet import Policy
from xinfer.domain.model import ModelSpec, Placement
from xinfer.domain.node import Machine, NodeReport, NodeState
from xinfer.domain.plan import plan
from xinfer.domain.replica import Phase, ReplicaStatus
from xinfer.domain.state import Assigned, AssignedReplica, Desired, Observed

ROUND_S = 2.0
GRACE_S = 5.0
POLICY = Policy(node_grace_s=GRACE_S)
NODES = ("a", "b", "c")
UIDS = ("x", "y")
GIB = 1024**3


@dataclass
class Process:
    digest: str
    phase: Phase = Phase.LOADING


@dataclass
class Node:
    """A machine that does what it is assigned, unless it is cut off."""

    name: str
    memory_gib: int
    heard: bool = True
    processes: dict[str, Process] = field(default_factory=dict)

    def report(self) -> NodeReport:
        return NodeReport(
            node=self.name,
            incarnation="1",
            sequence=1,
            version="0",
            address="127.0.0.1:1",
            machine=Machine(
                cores=2,
                memory_total_bytes=self.memory_gib * GIB,
                memory_available_bytes=self.memory_gib * GIB,
                system="Linux",
            ),
            replicas=tuple(self._status(name) for name in sorted(self.processes)),
        )

    def _status(self, name: str) -> ReplicaStatus:
        uid, _, index = name.rpartition("-rep")
        process = self.processes[name]
        return ReplicaStatus(
            replica_id=name,
            uid=uid,
            index=int(index),
            digest=process.digest,
            phase=process.phase,
            address="127.0.0.1:2",
        )

    def act(self, replicas: tuple[AssignedReplica, ...]) -> None:
        """End what is not assigned, which takes a turn; start what is; let the rest get on."""
        wanted = {replica.replica_id: replica.spec.digest() for replica in replicas}
        for name, process in list(self.processes.items()):
            if process.phase is Phase.DRAINING:
                del self.processes[name]
            elif wanted.get(name) != process.digest:
                process.phase = Phase.DRAINING
            else:
                process.phase = Phase.READY
        for name in wanted:
            self.processes.setdefault(name, Process(wanted[name]))


class World:
    """Desired, assigned, nodes and time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.nodes: dict[str, Node] = {}
        self.seen: dict[str, NodeState] = {}
        self.models: dict[str, ModelSpec] = {}
        self.assigned = Assigned()
        self.before = Assigned()

    def observed(self) -> Observed:
        return Observed(nodes=dict(self.seen))

    def desired(self) -> Desired:
        return Desired(models=dict(self.models))

    def plan(self) -> Assigned:
        return plan(self.desired(), self.assigned, self.observed(), self.now, POLICY)

    def turn(self) -> None:
        """Reports arrive, the planner plans, the nodes act."""
        self.now += ROUND_S
        for node in self.nodes.values():
            if node.heard:
                self.seen[node.name] = NodeState(report=node.report(), seen_at_s=self.now)
        self.before, self.assigned = self.assigned, self.plan()
        for node in self.nodes.values():
            if node.heard:
                node.act(self.assigned.of_node(node.name))

    def running(self) -> list[str]:
        """The replica id of every process anywhere."""
        return [name for node in self.nodes.values() for name in node.processes]

    def silent(self, name: str) -> bool:
        return self.now - self.seen[name].seen_at_s > GRACE_S

    def serving(self, uid: str) -> int:
        """Replicas that are assigned and whose process is ready, whatever its age."""
        return sum(
            replica.uid == uid
            and self.nodes[replica.node]
            .processes.get(replica.replica_id, Process("", Phase.LOADING))
            .phase
            is Phase.READY
            for replica in self.assigned.replicas
        )

    def of(self, uid: str, assigned: Assigned | None = None) -> list[AssignedReplica]:
        return [one for one in (assigned or self.assigned).replicas if one.uid == uid]


def specs(uid: str) -> st.SearchStrategy[ModelSpec]:
    return st.builds(
        lambda replicas, version, memory, node: ModelSpec(
            uid=uid,
            engine="echo",
            replicas=replicas,
            options={"version": version},
            memory_bytes=memory * GIB if memory else None,
            placement=Placement(node=node),
        ),
        replicas=st.integers(0, 4),
        version=st.integers(1, 2),
        memory=st.sampled_from([None, None, 1, 3]),
        node=st.sampled_from([None, None, None, "a", "b"]),
    )


class ClusterLife(RuleBasedStateMachine):
    """Nodes come, go and fall silent; models are edited; replicas crash."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.edited: set[str] = set()

    @initialize(memory=st.lists(st.integers(2, 8), min_size=1, max_size=3))
    def nodes_join(self, memory: list[int]) -> None:
        for name, memory_gib in zip(NODES, memory, strict=False):
            self.world.nodes[name] = Node(name, memory_gib)

    @rule(
        name=st.sampled_from(NODES),
        event=st.sampled_from(["join", "cut off", "back", "restart", "crash", "fail"]),
        rounds=st.integers(0, 4),
    )
    def something_happens_to_a_node(self, name: str, event: str, rounds: int) -> None:
        if event == "join":
            self.world.nodes.setdefault(name, Node(name, 4))
        node = self.world.nodes.get(name)
        if node is None:
            return
        if event in ("cut off", "back"):
            node.heard = event == "back"
        elif event == "restart":
            node.processes.clear()
        for process in node.processes.values():
            if event in ("crash", "fail"):
                process.phase = Phase.LOADING if event == "crash" else Phase.FAILED
        self.turns(rounds)

    @rule(data=st.data(), uid=st.sampled_from(UIDS), rounds=st.integers(0, 4))
    def a_model_is_edited(self, data: st.DataObject, uid: str, rounds: int) -> None:
        self.world.models[uid] = data.draw(specs(uid))
        self.edited.add(uid)
        self.turns(rounds)

    @rule(uid=st.sampled_from(UIDS), replicas=st.integers(0, 4), rounds=st.integers(0, 4))
    def a_model_is_scaled(self, uid: str, replicas: int, rounds: int) -> None:
        if uid in self.world.models:
            self.world.models[uid] = replace(self.world.models[uid], replicas=replicas)
            self.edited.add(uid)
            self.turns(rounds)

    @rule(uid=st.sampled_from(UIDS), data=st.data(), rounds=st.integers(0, 4))
    def one_replica_is_removed(self, uid: str, data: st.DataObject, rounds: int) -> None:
        world = self.world
        spec, own = world.models.get(uid), world.of(uid)
        if spec is None or not own or not spec.replicas:
            return
        gone = data.draw(st.sampled_from(own))
        world.models[uid] = replace(
            spec, replicas=spec.replicas - 1, retired=(*spec.retired, gone.index)
        )
        kept = [
            one
            for one in own
            if one is not gone
            and one.index not in spec.retired
            and one.spec.digest() == spec.digest()
        ]
        planned = world.of(uid, world.plan())
        assert gone.index not in {one.index for one in planned}
        if len(own) == spec.replicas and len(kept) == len(own) - 1:
            lost = {one.node for one in kept if one.node in world.seen and world.silent(one.node)}
            same = {(one.index, one.node) for one in planned}
            assert all((one.index, one.node) in same or one.node in lost for one in kept)
        self.edited.add(uid)
        self.turns(rounds)

    @rule(uid=st.sampled_from(UIDS))
    def a_model_is_removed(self, uid: str) -> None:
        self.world.models.pop(uid, None)
        self.edited.add(uid)
        self.turns(1)

    def turns(self, rounds: int) -> None:
        for _ in range(rounds):
            self.world.turn()
            self.untouched_stay()
            self.edited.clear()

    @rule()
    def everybody_falls_silent(self) -> None:
        world = self.world
        if not world.seen:
            return
        world.turn()
        for node in world.nodes.values():
            node.heard = False
        kept = world.assigned.replicas
        for _ in range(6):
            world.turn()
            if all(world.silent(name) for name in world.seen):
                assert world.assigned.replicas == kept
            kept = world.assigned.replicas

    @rule()
    def calm(self) -> None:
        """Once events stop, what can be is as desired after a bounded time, if anybody speaks."""
        world = self.world
        for _ in range(40):
            world.turn()
        settled = world.assigned
        world.turn()
        assert world.assigned == settled
        if all(world.silent(name) for name in world.seen):
            return
        for uid, spec in world.models.items():
            if uid in settled.refusals or uid in settled.waiting:
                continue
            own = world.of(uid)
            assert len(own) == spec.replicas
            for one in own:
                # Where nobody says what it needs, what it was placed by still holds.
                known = spec.memory_bytes or one.spec.memory_bytes
                assert one.spec == replace(spec, memory_bytes=known)
            assert world.serving(uid) == spec.replicas

    @invariant()
    def no_replica_is_doubled(self) -> None:
        ids = [replica.replica_id for replica in self.world.assigned.replicas]
        assert len(ids) == len(set(ids))

    @invariant()
    def nobody_gets_a_retired_index(self) -> None:
        for uid, spec in self.world.models.items():
            after = self.world.of(uid, self.world.plan())
            assert not {one.index for one in after} & set(spec.retired)

    @invariant()
    def at_most_one_more_than_wanted(self) -> None:
        world = self.world
        if world.seen and not all(world.silent(name) for name in world.seen):
            after = world.plan()
            for uid, spec in world.models.items():
                assert len(world.of(uid, after)) <= spec.replicas + 1

    @invariant()
    def planning_twice_is_planning_once(self) -> None:
        world = self.world
        once = world.plan()
        twice = plan(world.desired(), once, world.observed(), world.now, POLICY)
        assert once == twice

    def untouched_stay(self) -> None:
        """A model that nobody edited keeps every replica whose node is not lost."""
        world = self.world
        for uid, spec in world.models.items():
            before = world.of(uid, world.before)
            rolling = any(
                one.spec != spec or one.node != (spec.placement.node or one.node) for one in before
            )
            if uid in self.edited or rolling:
                continue
            for one in before:
                assert one in world.of(uid) or world.silent(one.node)


ClusterLife.TestCase.settings = settings(
    max_examples=200, stateful_step_count=25, deadline=None, print_blob=True
)
TestClusterLife = ClusterLife.TestCase
