"""The life of one replica on this node: a state machine that the node's loop turns.

A turn looks at what is (shim alive or not, answers, time) and at what is wanted, and moves at most
a little. It never waits: what takes time runs beside it and is looked at in a later turn.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace

from xinfer.domain.model import ModelSpec
from xinfer.domain.replica import Cause, Phase, PhaseMark, ReplicaStatus
from xinfer.domain.state import AssignedReplica
from xinfer.errors import Conflict, Invalid, LaunchFailed, NoCapacity, NotFound, XinferError
from xinfer.worker import autopsy, memo, processes
from xinfer.worker.doorway import Doorway
from xinfer.worker.ending import Ending
from xinfer.worker.held import Group
from xinfer.worker.journal import Folder, Order, ShimRecord
from xinfer.worker.kit import Kit
from xinfer.worker.memo import PREPARING, Memo
from xinfer.worker.preparation import Preparation
from xinfer.worker.probe import Answer
from xinfer.worker.vigil import Vigil

log = logging.getLogger("xinfer.worker")

_RUNNING = frozenset(
    {Phase.STARTING, Phase.LOADING, Phase.READY, Phase.DRAINING},
)
_UNREACHABLE_S = 15.0
_REFUSALS = 5
"""How often in a row an engine that served may say that it does not before it is ended."""
_WEIGH_S = 5.0
_SWEEP_S = 0.5


class Replica:
    """One replica id of this node. `adopt` and `assign` make one; `step` is its turn."""

    def __init__(self, folder: Folder, kit: Kit, remembered: Memo) -> None:
        self._folder = folder
        self._kit = kit
        self._memo = remembered
        self._order: Order | None = None
        self._record: ShimRecord | None = None
        self._preparation: Preparation | None = None
        self._vigil: Vigil | None = None
        self._doorway: Doorway | None = None
        self._ending: Ending | None = None
        self._verdict = ""
        self._no_room = ""
        self._drain_s: float | None = None
        self._started = 0.0
        self._memory_bytes: int | None = None
        self._weigh_at = 0.0

    @classmethod
    def adopt(cls, folder: Folder, kit: Kit) -> Replica | None:
        """The replica whose processes, or their remains, are in `folder`; None when none are."""
        order = folder.order()
        if order is None:
            return None
        found = cls(folder, kit, memo.recall(folder, order))
        phase = found._memo.phase
        if phase in _RUNNING:
            found._run(order)
            found._started -= max(0.0, kit.clock() - order.ordered_s)
            if phase is Phase.DRAINING:
                found._end(drain=True)
        return found

    @classmethod
    def assign(cls, folder: Folder, kit: Kit, wanted: AssignedReplica) -> Replica:
        """A replica of which nothing is here yet."""
        return cls(folder, kit, memo.fresh(wanted))

    @property
    def gone(self) -> bool:
        """Whether nothing of it runs, and nothing is meant to."""
        return self._memo.phase is Phase.STOPPED

    def step(self, wanted: AssignedReplica | None) -> None:
        """Take one turn towards `wanted`; None = it is not assigned here (any more)."""
        if wanted is not None:
            # The last word counts, also that of a spec which another process is to serve.
            self._drain_s = wanted.spec.drain_timeout_s
        phase = self._memo.phase
        if self._ending is not None:
            self._press_on(wanted)
        elif phase in _RUNNING:
            self._supervise(wanted)
        elif phase in PREPARING:
            self._prepare(wanted)
        elif phase is Phase.FAILED:
            self._retry(wanted)
        elif wanted is not None:
            self._begin(wanted)

    def status(self) -> ReplicaStatus:
        """What is reported of it now."""
        known = self._memo
        live = known.phase in _RUNNING
        record = self._record if live else None
        return ReplicaStatus(
            replica_id=self._folder.replica_id,
            uid=known.uid,
            index=known.index,
            digest=known.digest,
            phase=known.phase,
            timeline=known.timeline,
            address=self._address() if live else None,
            guarded=self._kit.door_host is not None,
            served_model=self._order.served_model if self._order else None,
            slots=self._order.slots if self._order else None,
            context=self._order.context if self._order else None,
            whole_by_stream=self._order.whole_by_stream if self._order else False,
            shim_pid=record.shim_pid if record else None,
            engine_pid=record.engine_pid if record else None,
            restarts=max(0, known.starts - 1),
            failures=known.failures,
            progress=self._preparation.progress if self._preparation else 0.0,
            detail=self._detail(),
            unwell=self._unwell() if known.phase is Phase.READY else "",
            memory_bytes=self._memory_bytes if live else None,
            retry_at_s=known.retry_at_s,
            cause=known.cause,
            files=self._preparation.files if self._preparation else (),
            gauges=self._vigil.last.gauges if live and self._vigil and self._vigil.last else {},
            weighed=known.weighed,
            no_room=self._no_room if known.phase is Phase.QUEUED else "",
            attempt=known.attempt,
        )

    def group(self) -> Group | None:
        """Its processes, while there are any."""
        record, order = self._record, self._order
        if record is None or order is None or self._memo.phase not in _RUNNING:
            return None
        return Group(shim_pid=record.shim_pid, devices=tuple(order.devices))

    def _address(self) -> str | None:
        """Where the gateway reaches it."""
        if self._kit.door_host is None:
            return self._memo.address
        return self._doorway.address if self._doorway else None

    def _detail(self) -> str:
        if self._preparation is not None:
            return self._preparation.detail
        if self._ending is not None and self._ending.open:
            return f"open connections: {self._ending.open}"
        last = self._vigil.last if self._vigil else None
        loading = self._memo.phase in {Phase.STARTING, Phase.LOADING}
        return last.detail if last is not None and loading else ""

    def _unwell(self) -> str:
        if self._ending is not None:
            return f"it {self._verdict}"
        vigil = self._vigil
        if vigil is None or vigil.last is None or not vigil.refusals:
            return ""
        return f"the engine is not well: {vigil.last.detail}"

    # --- starting -------------------------------------------------------------------------------

    def _begin(self, wanted: AssignedReplica) -> None:
        if wanted.spec.digest() != self._memo.digest:
            self._memo = memo.fresh(wanted)
        elif wanted.spec.attempt != self._memo.attempt:
            self._memo = self._memo.again(wanted.spec.attempt)
        # Failure is met again, and reported, when the order is written.
        with suppress(OSError):
            self._folder.make()
        self._enter(Phase.QUEUED)
        self._preparation = Preparation(wanted, self._folder, self._kit)

    def _prepare(self, wanted: AssignedReplica | None) -> None:
        preparation = self._preparation
        if self._waits_for_room(wanted):
            return
        if preparation is None or self._unwanted(wanted):
            if preparation is not None:
                preparation.cancel()
            self._preparation = None
            self._enter(Phase.STOPPED)
            return
        while preparation.marks:
            self._mark(preparation.marks.pop(0))
        if not preparation.done or wanted is None:
            return
        self._preparation = None
        self._memo = replace(self._memo, weighed=preparation.weighed)
        if preparation.no_room:
            self._await_room(preparation.no_room)
            return
        try:
            order = preparation.order()
            self._enter(Phase.STARTING, launch=order.launch, starts=self._memo.starts + 1)
            processes.start(self._folder, order)
        except (XinferError, OSError) as error:
            self._fail(wanted.spec, _cause(error, preparation.phase), definite=_definite(error))
            return
        self._run(order)

    def _await_room(self, reason: str) -> None:
        """Nothing has failed: it is as if it had not been started yet."""
        log.warning("%s: %s", self._folder.replica_id, reason)
        self._no_room, now_s = reason, self._kit.clock()
        self._keep(self._memo.enter(Phase.STOPPED, now_s).enter(Phase.QUEUED, now_s))

    def _waits_for_room(self, wanted: AssignedReplica | None) -> bool:
        """Until it is assigned anew by what it needs, or is not wanted any more."""
        still = wanted is not None and wanted.spec.memory_bytes is None
        if not still or self._unwanted(wanted):
            self._no_room = ""
        return bool(self._no_room)

    def _run(self, order: Order) -> None:
        """Take charge of a launch whose shim was started, now or by an earlier worker."""
        self._order = order
        self._record = self._folder.shim()
        self._doorway = Doorway(self._folder, order, self._kit)
        self._doorway.look(self._memo.address)
        self._vigil = Vigil(self._folder, order, self._kit, address=self._memo.address)
        self._started = self._kit.monotonic()
        self._weigh_at = 0.0
        self._verdict = ""

    # --- running --------------------------------------------------------------------------------

    def _supervise(self, wanted: AssignedReplica | None) -> None:
        assert self._vigil is not None
        if not self._folder.is_live():
            self._ended(wanted)
        elif self._unwanted(wanted):
            self._end(drain=True)
        elif wanted is not None:
            self._watch(self._vigil, wanted.spec)

    def _watch(self, vigil: Vigil, spec: ModelSpec) -> None:
        if self._record is None:
            self._record = self._folder.shim()
        reply = vigil.look()
        ready = self._memo.phase is Phase.READY
        if not ready and vigil.ready and self._is_open(vigil):
            self._keep(self._memo.ready(self._kit.clock(), vigil.address or ""))
            return
        listens = reply is not None and reply.answer is not Answer.UNREACHABLE
        if listens and self._memo.phase is Phase.STARTING:
            self._enter(Phase.LOADING)
        if not ready and self._kit.monotonic() - self._started > spec.launch_timeout_s:
            self._end(verdict=self._lateness(vigil, spec.launch_timeout_s))
        elif ready and vigil.unreachable_s() > _UNREACHABLE_S:
            self._end(verdict=f"stopped listening for {_UNREACHABLE_S:.0f} s while it ran")
        elif ready and vigil.refusals >= _REFUSALS and vigil.last is not None:
            self._end(
                verdict=f"was not well after it served: {vigil.last.detail}, {_REFUSALS} times"
            )
        if ready:
            self._is_open(vigil)
        self._weigh()

    def _is_open(self, vigil: Vigil) -> bool:
        """Whether those who are to reach an engine that serves can; sees to it that they do."""
        if self._kit.door_host is None or self._doorway is None:
            return True
        self._doorway.look(vigil.address)
        return self._doorway.address is not None

    def _lateness(self, vigil: Vigil, timeout_s: float) -> str:
        if self._memo.phase is Phase.STARTING:
            return f"did not listen within {timeout_s:g} s"
        seen = f" ({vigil.last.detail})" if vigil.last else ""
        return f"was not ready within {timeout_s:g} s{seen}"

    def _weigh(self) -> None:
        now = self._kit.monotonic()
        if self._record is not None and now >= self._weigh_at:
            self._weigh_at = now + _WEIGH_S
            self._memory_bytes = processes.weigh(self._record.engine_pid)

    # --- ending ---------------------------------------------------------------------------------

    def _end(self, *, drain: bool = False, verdict: str = "") -> None:
        """Begin to end what runs: drained when it is no longer wanted, at once on a verdict."""
        assert self._order is not None
        served = self._memo.address if drain else None
        self._verdict = verdict
        self._ending = Ending(
            self._folder,
            self._order,
            self._kit,
            address=served,
            drain_s=self._order.drain_timeout_s if self._drain_s is None else self._drain_s,
        )
        if drain and self._memo.phase is not Phase.DRAINING:
            self._enter(Phase.DRAINING)

    def _press_on(self, wanted: AssignedReplica | None) -> None:
        assert self._ending is not None
        if self._ending.step():
            self._ending = None
            self._ended(wanted)

    def _ended(self, wanted: AssignedReplica | None) -> None:
        """The shim has ended. Nothing new is started before nothing old is left."""
        if processes.sweep(self._folder, _SWEEP_S):
            return
        phase = self._memo.phase
        if phase is Phase.DRAINING or wanted is None or self._unwanted(wanted):
            self._forget_launch()
            self._enter(Phase.STOPPED)
            return
        cause = autopsy.examine(autopsy.gather(self._folder), phase, self._verdict)
        self._forget_launch()
        self._fail(wanted.spec, cause)

    def _forget_launch(self) -> None:
        self._vigil = None
        self._record = None
        self._verdict = ""

    def _fail(self, spec: ModelSpec, cause: Cause, *, definite: bool = False) -> None:
        now_s = self._kit.clock()
        failed = self._memo.failed(now_s, cause, spec.restart, definite=definite)
        if failed.retry_at_s is None:
            count = failed.failures
            after = f"resting after {count} failed launch{'es' if count > 1 else ''}"
        else:
            after = f"starting it again in {failed.retry_at_s - now_s:.1f} s"
        summary = cause.summary.removesuffix(".")
        log.warning("%s: %s; %s.", self._folder.replica_id, summary, after)
        self._keep(failed)

    def _retry(self, wanted: AssignedReplica | None) -> None:
        if wanted is None:
            self._enter(Phase.STOPPED)
        elif self._unwanted(wanted) or wanted.spec.attempt != self._memo.attempt:
            self._begin(wanted)
        elif self._memo.retry_at_s is not None:
            wait_s = self._memo.retry_at_s - self._kit.clock()
            # A wait longer than any back-off means that the clock was set back.
            if wait_s <= 0 or wait_s > wanted.spec.restart.backoff_max_s:
                self._begin(wanted)

    # --- memory ---------------------------------------------------------------------------------

    def _unwanted(self, wanted: AssignedReplica | None) -> bool:
        return wanted is None or wanted.spec.digest() != self._memo.digest

    def _mark(self, mark: PhaseMark) -> None:
        self._keep(self._memo.enter(mark.phase, mark.at_s))

    def _enter(self, phase: Phase, *, launch: str | None = None, starts: int | None = None) -> None:
        entered = self._memo.enter(phase, self._kit.clock())
        if launch is not None and starts is not None:
            entered = replace(entered, launch=launch, starts=starts, address=None)
        self._keep(entered)

    def _keep(self, changed: Memo) -> None:
        self._memo = changed
        try:
            memo.save(self._folder.memo, changed)
        except OSError as error:
            # What runs goes on; only a restart of this worker would forget some history.
            log.warning("%s: its memo was not kept: %s", self._folder.replica_id, error)


def _definite(error: Exception) -> bool:
    """Whether the same try must fail the same way."""
    if isinstance(error, LaunchFailed):
        return error.definite
    return isinstance(error, Invalid | NotFound | NoCapacity)


def _cause(error: XinferError | OSError, phase: Phase) -> Cause:
    if isinstance(error, LaunchFailed):
        return Cause(phase=phase, summary=f"{error.cause}. {error.hint}".strip(), tail=error.tail)
    if isinstance(error, Conflict | XinferError):
        return Cause(phase=phase, summary=str(error))
    return Cause(phase=phase, summary=f"the node could not start it: {error}")
