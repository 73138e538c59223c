"""Who may go in, and to which replica: a bounded queue and exact in-flight counts per model."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gevent.event import AsyncResult

from xinfer.domain.model import Limits
from xinfer.domain.routing import Upstream
from xinfer.errors import Limited

_CHECK_S = 0.25


@dataclass(slots=True)
class Seats:
    """The requests of one model in this process: running, by replica, and waiting in line."""

    in_flight: dict[str, int] = field(default_factory=dict)
    waiting: deque[AsyncResult] = field(default_factory=deque)
    turn: itertools.count[int] = field(default_factory=itertools.count)


class Admission:
    """Counts of all models in this process.

    `share` is this process's part of every limit: with N gateway processes each admits 1/N.
    """

    def __init__(self, share: int = 1) -> None:
        self._share = max(1, share)
        self._seats: dict[str, Seats] = {}

    def enter(
        self,
        uid: str,
        upstreams: tuple[Upstream, ...],
        limits: Limits,
        *,
        gone: Callable[[], bool],
        avoid: frozenset[str] = frozenset(),
    ) -> Upstream:
        """A replica for one request; wait in line if all are full. `leave` must follow.

        Raises Limited when the line is full or the wait too long, ConnectionAbortedError when
        `gone()` says that the client left the line.
        """
        seats = self._seats.setdefault(uid, Seats())
        chosen = self._choose(seats, upstreams, limits, avoid)
        if chosen is None:
            self._queue(seats, uid, limits, gone)
            chosen = self._choose(seats, upstreams, limits, avoid, full_too=True)
        assert chosen is not None
        seats.in_flight[chosen.replica_id] = seats.in_flight.get(chosen.replica_id, 0) + 1
        return chosen

    def leave(self, uid: str, upstream: Upstream) -> None:
        """The request that `enter` let in is over."""
        seats = self._seats[uid]
        left = seats.in_flight[upstream.replica_id] - 1
        if left:
            seats.in_flight[upstream.replica_id] = left
        else:
            del seats.in_flight[upstream.replica_id]
        while seats.waiting:
            next_in_line = seats.waiting.popleft()
            if not next_in_line.ready():
                next_in_line.set(True)
                return

    def counts(self) -> dict[str, tuple[int, int]]:
        """Per model: requests running, requests waiting."""
        return {
            uid: (sum(seats.in_flight.values()), len(seats.waiting))
            for uid, seats in self._seats.items()
        }

    def _choose(
        self,
        seats: Seats,
        upstreams: tuple[Upstream, ...],
        limits: Limits,
        avoid: frozenset[str],
        *,
        full_too: bool = False,
    ) -> Upstream | None:
        """The replica with the fewest requests, in turn among equals; None when all are full."""
        candidates = [each for each in upstreams if each.replica_id not in avoid] or list(upstreams)
        start = next(seats.turn) % len(candidates)
        rotated = candidates[start:] + candidates[:start]
        best = min(rotated, key=lambda each: seats.in_flight.get(each.replica_id, 0))
        limit = limits.max_in_flight
        if limit is None or full_too:
            return best
        allowed = max(1, limit // self._share)
        return best if seats.in_flight.get(best.replica_id, 0) < allowed else None

    def _queue(self, seats: Seats, uid: str, limits: Limits, gone: Callable[[], bool]) -> None:
        if len(seats.waiting) >= max(1, limits.max_queue // self._share):
            raise Limited(
                f"The queue of model '{uid}' is full ({limits.max_queue} requests wait).",
                "Try again later, or add replicas.",
                retry_after_s=1.0,
            )
        ticket = AsyncResult()
        seats.waiting.append(ticket)
        deadline = time.monotonic() + limits.queue_timeout_s
        try:
            while not ticket.wait(timeout=_CHECK_S):
                if gone():
                    raise ConnectionAbortedError
                if time.monotonic() > deadline:
                    raise Limited(
                        f"No replica of '{uid}' was free within {limits.queue_timeout_s:g} s.",
                        "Try again later, or add replicas.",
                        retry_after_s=5.0,
                    )
        except BaseException:
            self._give_up(seats, ticket)
            raise

    def _give_up(self, seats: Seats, ticket: AsyncResult) -> None:
        """Leave the line; a turn that came in the same moment goes to the next one."""
        if ticket in seats.waiting:
            seats.waiting.remove(ticket)
        elif ticket.ready():
            while seats.waiting:
                other = seats.waiting.popleft()
                if not other.ready():
                    other.set(True)
                    return
