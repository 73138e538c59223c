"""What a worker remembers of one replica beside its processes, so that a restart forgets nothing.

The processes themselves are found by the journal; this is phase, history and count of failures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from xinfer.domain.model import Footprint, Restart
from xinfer.domain.replica import Cause, Phase, PhaseMark, advance
from xinfer.domain.state import AssignedReplica
from xinfer.worker.journal import Folder, Order

PREPARING = frozenset({Phase.QUEUED, Phase.DOWNLOADING, Phase.ENVIRONMENT})
"""Nothing runs yet."""

_FORGIVING = 2.0
"""Serving for so many back-offs makes one earlier end forgotten, so that only an engine that keeps
dying soon waits long.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memo:
    """`launch` names the start that phase and address belong to. `starts` counts all of them,
    `failures` those in a row that never became ready; `streak` rises with each end and falls with
    time served; `was_ready` says whether this digest ever served here; `weighed` is what its files
    were found to need; `attempt` is that of the spec which the failures were counted for.
    """

    uid: str
    index: int
    digest: str
    phase: Phase = Phase.STOPPED
    timeline: tuple[PhaseMark, ...] = ()
    launch: str = ""
    address: str | None = None
    starts: int = 0
    failures: int = 0
    streak: int = 0
    was_ready: bool = False
    retry_at_s: float | None = None
    cause: Cause | None = None
    weighed: Footprint | None = None
    attempt: int = 0

    def again(self, attempt: int) -> Memo:
        """The memo for one more attempt that somebody asked for: what failed before is past."""
        return replace(self, attempt=attempt, failures=0, streak=0, cause=None)

    def enter(self, phase: Phase, now_s: float) -> Memo:
        """The memo after a move to `phase`. Raises Conflict when it is not a legal one.

        A new timeline begins with each launch, at queued.
        """
        mark = PhaseMark(phase=advance(self.phase, phase), at_s=now_s)
        before = () if phase is Phase.QUEUED else self.timeline
        return replace(self, phase=phase, timeline=(*before, mark), retry_at_s=None)

    def ready(self, now_s: float, address: str) -> Memo:
        """The memo of a launch that has come to serve: earlier failures no longer count."""
        served = replace(self, address=address, failures=0, was_ready=True, cause=None)
        return served.enter(Phase.READY, now_s)

    def failed(self, now_s: float, cause: Cause, restart: Restart, *, definite: bool) -> Memo:
        """The memo after an end, with the time of the next try.

        There is none after too many launches in a row that never became ready. For what never
        served here, neither after a `definite` failure (one that trying again cannot mend), nor
        when the engine ends as it did the time before: somebody may be waiting for the reason.
        """
        served = self.phase is Phase.READY
        lasted_s = now_s - self.timeline[-1].at_s if self.timeline else 0.0
        failures = 0 if served else self.failures + 1
        forgiven = int(lasted_s / (_FORGIVING * restart.backoff_s)) if served else 0
        streak = max(0, self.streak - forgiven) + 1
        hopeless = definite or self._ended_likewise(cause)
        rests = failures >= restart.max_failures or (hopeless and not self.was_ready)
        wait_s = min(restart.backoff_max_s, restart.backoff_s * 2.0 ** min(streak - 1, 30))
        return replace(
            self.enter(Phase.FAILED, now_s),
            failures=failures,
            streak=streak,
            cause=cause,
            address=None,
            retry_at_s=None if rests else now_s + wait_s,
        )

    def _ended_likewise(self, cause: Cause) -> bool:
        """Whether an engine gave the same reason twice. Lack of memory may pass, and so may what
        sends signals.
        """
        before = self.cause
        if before is None or cause.phase not in (Phase.STARTING, Phase.LOADING):
            return False
        passing = cause.out_of_memory or cause.signal is not None
        return not passing and (before.phase, before.summary) == (cause.phase, cause.summary)


def fresh(assigned: AssignedReplica) -> Memo:
    """The memo of a replica that was never started with this digest."""
    spec = assigned.spec
    return Memo(uid=assigned.uid, index=assigned.index, digest=spec.digest(), attempt=spec.attempt)


def save(path: Path, memo: Memo) -> None:
    """Write whole or not at all. Raises OSError."""
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(msgspec.json.encode(memo))
    temporary.replace(path)


def load(path: Path) -> Memo | None:
    """The memo, or None when there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Memo)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def recall(folder: Folder, order: Order) -> Memo:
    """The memo as far as it tells about `order`, and made to fit it where the two disagree.

    The memo is written before the order. So one that speaks of another launch was written for an
    order that never came to be, unless the order runs: then the memo could not be kept.
    """
    known = load(folder.memo)
    if known is None or known.digest != order.digest:
        known = Memo(uid=order.uid, index=order.index, digest=order.digest, launch=order.launch)
        return _started(known, order)
    # A new worker starts without patience spent: after a reboot nothing should wait, and somebody
    # may have mended what failed.
    known = replace(known, streak=0)
    if known.launch != order.launch:
        live = folder.is_live()
        return _started(known, order) if live else replace(known, phase=Phase.STOPPED)
    if known.phase is Phase.FAILED and known.retry_at_s is None:
        return replace(known, phase=Phase.STOPPED, failures=0, cause=None)
    if known.phase in {*PREPARING, Phase.FAILED}:
        return replace(known, phase=Phase.STOPPED, retry_at_s=None)
    return known


def _started(known: Memo, order: Order) -> Memo:
    return replace(
        known,
        phase=Phase.STARTING,
        timeline=(PhaseMark(phase=Phase.STARTING, at_s=order.ordered_s),),
        launch=order.launch,
        address=None,
        starts=max(1, known.starts),
    )
