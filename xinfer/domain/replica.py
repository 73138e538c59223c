"""One engine process: its phases, the legal moves between them, and what is known about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from xinfer.domain.model import Footprint
from xinfer.errors import Conflict


class Phase(StrEnum):
    """Where a replica is on its way to serving. Only its node's loop changes it."""

    QUEUED = "queued"
    DOWNLOADING = "downloading"
    ENVIRONMENT = "environment"
    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"
    STOPPED = "stopped"
    FAILED = "failed"


_FORWARD = (
    Phase.QUEUED,
    Phase.DOWNLOADING,
    Phase.ENVIRONMENT,
    Phase.STARTING,
    Phase.LOADING,
    Phase.READY,
)


def _moves() -> Mapping[Phase, frozenset[Phase]]:
    """Forward (skipping allowed), or to draining, stopped or failed from anywhere alive.

    A failed or stopped replica starts over from queued; draining only ends.
    """
    ends = {Phase.DRAINING, Phase.STOPPED, Phase.FAILED}
    moves = {
        phase: frozenset(set(_FORWARD[place + 1 :]) | ends) for place, phase in enumerate(_FORWARD)
    }
    moves[Phase.DRAINING] = frozenset({Phase.STOPPED, Phase.FAILED})
    moves[Phase.STOPPED] = frozenset({Phase.QUEUED})
    moves[Phase.FAILED] = frozenset({Phase.QUEUED, Phase.DRAINING, Phase.STOPPED})
    return moves


MOVES: Mapping[Phase, frozenset[Phase]] = _moves()


def advance(current: Phase, wanted: Phase) -> Phase:
    """Return `wanted` if a replica may move there from `current`; raises Conflict if not."""
    if wanted not in MOVES[current]:
        raise Conflict(f"A replica cannot go from {current} to {wanted}.")
    return wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseMark:
    """The moment (unix seconds) at which a phase began."""

    phase: Phase
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a replica ended. `summary` is one line for people; the rest is the evidence.

    `exception` is the engine's own last exception line, `tail` the end of its log.
    """

    phase: Phase
    summary: str
    exit_code: int | None = None
    signal: str | None = None
    out_of_memory: bool = False
    exception: str | None = None
    tail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProgress:
    """One file under way. `total_bytes` None = not known yet."""

    name: str
    done_bytes: int
    total_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaStatus:
    """What a node reports about one replica.

    `digest` is that of the spec the process was started from. `address` is `host:port` once the
    engine listens. `served_model` is the name that the engine itself answers to (None = the uid).
    `slots` is how many requests it runs at once, `context` how many tokens each may have (None =
    unknown). `restarts` counts starts after the first; `failures` launches in a row that never
    became ready. `progress` is 0..1 within the phase, `detail` a short text beside it, `files` what
    is being fetched. `retry_at_s` is when a failed replica is tried again. `guarded`: who connects
    to `address` must say the replica's secret first. `gauges` are those of `Command.gauges`, as
    last read. `unwell` says why a ready replica is sent no requests; it is empty while it is well.
    `whole_by_stream` is that of `Command`. `weighed` is what its files need, as its node read from
    them (None = not read). `no_room` says why a queued replica is not started: its node does not
    have what they need, and waits to be told that there is room for it. `attempt` is that
    of the spec when its failures began to be counted.
    """

    replica_id: str
    uid: str
    index: int
    digest: str
    phase: Phase
    timeline: tuple[PhaseMark, ...] = ()
    address: str | None = None
    served_model: str | None = None
    slots: int | None = None
    context: int | None = None
    shim_pid: int | None = None
    engine_pid: int | None = None
    restarts: int = 0
    failures: int = 0
    progress: float = 0.0
    detail: str = ""
    memory_bytes: int | None = None
    retry_at_s: float | None = None
    cause: Cause | None = None
    files: tuple[FileProgress, ...] = ()
    guarded: bool = False
    whole_by_stream: bool = False
    unwell: str = ""
    gauges: Mapping[str, float] = field(default_factory=dict)
    weighed: Footprint | None = None
    no_room: str = ""
    attempt: int = 0

    def is_outdated(self, attempt: int) -> bool:
        """Whether it tells of a failure before this attempt, which its node has yet to begin."""
        return self.phase is Phase.FAILED and self.attempt != attempt
