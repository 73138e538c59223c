"""From what should run and what does, to who runs what. Pure, total, and the same every time."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from xinfer.domain import names
from xinfer.domain.fleet import Fleet, Policy, fleet
from xinfer.domain.model import ModelSpec
from xinfer.domain.node import NodeReport
from xinfer.domain.placement import Seat, matches, place
from xinfer.domain.refusal import Lack, Reason, Refusal, Shortage
from xinfer.domain.rollout import Held, dropped, missing, sacrifices
from xinfer.domain.state import Assigned, AssignedReplica, Desired, Observed

_NOBODY_YET = Refusal(
    message="No worker has joined yet.",
    reason=Reason(shortages={"": Shortage(lack=Lack.NOBODY_YET)}),
)
_NOBODY_NOW = Refusal(
    message="No worker has reported lately.",
    reason=Reason(shortages={"": Shortage(lack=Lack.NOBODY_NOW)}),
)
_PASSES = 20
"""Two or three are usual; the next plan goes on where this one stopped."""


def plan(
    desired: Desired, assigned: Assigned, observed: Observed, now_s: float, policy: Policy
) -> Assigned:
    """The next assignment, of the same revision; equal to `assigned` when there is nothing to do.

    What is still wanted stays where it is. A lost node's replicas move to another node, if one can
    take them. A changed spec rolls over, one replica at a time. While no node speaks nothing is
    moved or added: only what is no longer desired goes.
    """
    seen = fleet(observed, now_s, policy)
    for _ in range(_PASSES):
        # Room that one model gives up is offered to all of them again, at once.
        after = _pass(desired, assigned, seen)
        if after == assigned:
            break
        assigned = after
    return assigned


def _pass(desired: Desired, assigned: Assigned, seen: Fleet) -> Assigned:
    board: dict[str, list[AssignedReplica]] = {uid: [] for uid in sorted(desired.models)}
    taken: set[str] = set()
    for replica in assigned.replicas:
        if replica.uid in board and replica.replica_id not in taken:
            taken.add(replica.replica_id)
            board[replica.uid].append(_refreshed(replica, desired, seen))
    refusals: dict[str, str] = {}
    waiting: dict[str, str] = {}
    reasons: dict[str, Reason] = {}
    for uid in board:
        model = _Model(spec=desired.models[uid], board=board, fleet=seen)
        model.settle()
        if model.shortage is not None:
            # Who may still come may bring what is missing.
            may_come = not seen.live or seen.awaited
            (waiting if may_come else refusals)[uid] = model.shortage.message
            reasons[uid] = model.shortage.reason
    ordered = [sorted(own, key=lambda one: one.index) for own in board.values()]
    replicas = tuple(itertools.chain.from_iterable(ordered))
    # With nobody to hear nothing is moved, but nothing is vouched for either.
    lost = {one.node for one in replicas if seen.is_lost(one.node) or not seen.live}
    return replace(
        assigned,
        replicas=replicas,
        refusals=refusals,
        waiting=waiting,
        reasons=reasons,
        lost=tuple(sorted(lost)),
    )


def _refreshed(replica: AssignedReplica, desired: Desired, seen: Fleet) -> AssignedReplica:
    """With the desired spec when the process need not change for it; else as it was, but for the
    time that its requests have to end when it is replaced.

    One that its node refuses takes no memory from others.
    """
    spec = desired.models[replica.uid]
    if spec == replica.spec:
        return replica
    if spec.digest() == replica.spec.digest():
        if seen.is_refused(replica):
            spec = replace(spec, memory_bytes=None)
        elif spec.memory_bytes is None:
            # What it was placed by holds while its node has yet to say anew what it needs.
            spec = replace(spec, memory_bytes=replica.spec.memory_bytes)
        return replace(replica, spec=spec)
    return replace(replica, spec=replace(replica.spec, drain_timeout_s=spec.drain_timeout_s))


@dataclass(slots=True, kw_only=True)
class _Model:
    """One model on its way to what its spec asks for, by changing its list on the `board`.

    The board has the assigned replicas of every model by uid. `shortage` says in the end why a
    replica that could be added now is not.
    """

    spec: ModelSpec
    board: dict[str, list[AssignedReplica]]
    fleet: Fleet
    shortage: Refusal | None = field(default=None, init=False)

    @property
    def own(self) -> list[AssignedReplica]:
        return self.board[self.spec.uid]

    def settle(self) -> None:
        """Take every step that may be taken now."""
        if not self.fleet.live:
            self._settle_blindly()
            return
        held = self._held()
        for one in dropped(self.spec.replicas, held):
            self.own.remove(one.replica)
            held.remove(one)
        for one in held:
            if one.lost:
                self._move(one.replica)
        refused = self._refused()
        for replica in refused:
            self.own.remove(replica)
        for _ in range(missing(self.spec.replicas, self._held())):
            if self._is_early():
                break
            if not self._add():
                self._swap()
                break
        self._keep(refused)

    def _settle_blindly(self) -> None:
        """Nobody speaks: only a smaller count and the end of a certain one are acted upon."""
        current = [one for one in self._held() if one.current or one.retired]
        for one in dropped(self.spec.replicas, current):
            self.own.remove(one.replica)
        if len(self.own) < self.spec.replicas:
            self.shortage = _NOBODY_NOW if self.fleet.known else _NOBODY_YET

    def _refused(self) -> list[AssignedReplica]:
        """Those that are placed anew, now that it is known what they need."""
        known = self.spec.memory_bytes is not None
        return [one for one in self.own if known and self.fleet.is_refused(one)]

    def _keep(self, refused: Sequence[AssignedReplica]) -> None:
        """Those that found no room stay, so that their nodes go on saying what they need."""
        lacking = missing(self.spec.replicas, self._held())
        used = {replica.index for replica in self.own}
        self.own.extend([one for one in refused if one.index not in used][:lacking])

    def _held(self) -> list[Held]:
        return [
            Held(
                replica=replica,
                current=self._is_current(replica),
                ready=self.fleet.is_ready(replica),
                lost=self.fleet.is_lost(replica.node),
                retired=replica.index in self.spec.retired,
            )
            for replica in self.own
        ]

    def _is_current(self, replica: AssignedReplica) -> bool:
        if replica.spec != self.spec and replica.spec.digest() != self.spec.digest():
            return False
        report = self.fleet.known.get(replica.node)
        return report is None or matches(self.spec.placement, report)

    def _move(self, lost: AssignedReplica) -> None:
        """To a node that can take it; else it stays, for its own node may return."""
        seat = self._place(self.fleet.live, without=[lost])
        if isinstance(seat, Seat):
            self.own.remove(lost)
            self._seat(seat, lost.index)
        else:
            self.shortage = Refusal(
                message=f"Node '{lost.node}' is lost. {seat.message}",
                reason=replace(seat.reason, lost=lost.node),
            )

    def _is_early(self) -> bool:
        """Whether one more would share a node, when others that may take it are about to join."""
        if not self.fleet.expected:
            return False
        seat = self._place(self.fleet.live)
        shares = isinstance(seat, Seat) and any(one.node == seat.node for one in self.own)
        if shares:
            coming = ", ".join(sorted(self.fleet.expected))
            said = f"Replicas are spread over machines: it waits for {coming} to join."
            self.shortage = Refusal(message=said, reason=_NOBODY_YET.reason)
        return shares

    def _add(self) -> bool:
        """One more replica, if there is room."""
        seat = self._place(self.fleet.live)
        if isinstance(seat, Refusal):
            self.shortage = seat
            return False
        self._seat(seat)
        return True

    def _place(
        self, nodes: Mapping[str, NodeReport], without: Sequence[AssignedReplica] = ()
    ) -> Seat | Refusal:
        """A seat for one more, as if those of `without` were gone."""
        everybody = itertools.chain.from_iterable(self.board.values())
        return place(self.spec, nodes, [one for one in everybody if one not in without])

    def _swap(self) -> None:
        """There is no room: give up just enough old replicas of one node to place one new there."""
        held = self._held()
        candidates = sacrifices(held)
        if not candidates and any(not one.current for one in held):
            self.shortage = None  # a step of the roll-over is under way, and waited for
        ways = [way for node in self.fleet.live if (way := self._way(node, candidates))]
        if not ways:
            return
        given, seat = min(ways, key=lambda way: len(way[0]))
        for replica in given:
            self.own.remove(replica)
        self._seat(seat)
        self.shortage = None

    def _way(self, node: str, held: list[Held]) -> tuple[list[AssignedReplica], Seat] | None:
        """The fewest old replicas on `node` whose going makes room there, and the room."""
        given: list[AssignedReplica] = []
        for one in held:
            if one.replica.node != node:
                continue
            given.append(one.replica)
            seat = self._place({node: self.fleet.live[node]}, without=given)
            if isinstance(seat, Seat):
                return given, seat
        return None

    def _seat(self, seat: Seat, preferred: int = 0) -> None:
        index = self._index(seat.node, preferred)
        replica = AssignedReplica(
            uid=self.spec.uid, index=index, node=seat.node, spec=self.spec, devices=seat.devices
        )
        self.own.append(replica)

    def _index(self, node: str, preferred: int) -> int:
        """`preferred`, or else the lowest, that is not retired, no replica has and no process
        elsewhere goes by.

        A process on `node` itself is no obstacle: it is ended before the new one starts.
        """
        taken = {replica.index for replica in self.own} | set(self.spec.retired)
        return next(
            index
            for index in itertools.chain([preferred], itertools.count())
            if index not in taken
            and not self.fleet.runs_elsewhere(names.replica_id(self.spec.uid, index), node)
        )
