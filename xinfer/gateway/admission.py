"""Who may go in, and to which replica: a bounded line and exact in-flight counts per model."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gevent.event import AsyncResult

from xinfer.domain.routing import Route, Upstream
from xinfer.errors import Limited, XinferError
from xinfer.gateway.seats import SharedSeats

_CHECK_S = 0.25
_CHECK_SHARED_S = 0.02
"""Of the first in line: no other process tells when it frees a seat."""

_PREFER_OTHERS_S = 10.0
"""To a replica that took no connection: it is soon asked again, by one request at a time."""

CurrentRoute = Callable[[], Route]
"""The route of the model as it is now; raises what `Table.route` raises."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A place in line. `seat` is filled with the replica whose seat was handed over."""

    route: CurrentRoute
    avoid: frozenset[str]
    seat: AsyncResult = field(default_factory=AsyncResult)


@dataclass(slots=True)
class Seats:
    """The requests of one model in this process: running, by replica, and waiting in line."""

    in_flight: dict[str, int] = field(default_factory=dict)
    line: deque[Ticket] = field(default_factory=deque)
    turn: itertools.count[int] = field(default_factory=itertools.count)


class Admission:
    """Counts of all models in this process.

    `share` is the number of gateway processes: each has its part of every line, at least one place
    of it. `shared` are the seats that they have in common; None where there is one process.
    """

    def __init__(
        self,
        share: int = 1,
        shared: SharedSeats | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share = max(1, share)
        self._shared = shared
        self._clock = clock
        self._seats: dict[str, Seats] = {}
        self._refused_at: dict[Upstream, float] = {}

    def enter(
        self,
        uid: str,
        route: CurrentRoute,
        *,
        gone: Callable[[], bool],
        avoid: frozenset[str] = frozenset(),
    ) -> Upstream:
        """A replica for one request; wait in line if all are full. `leave` must follow.

        Raises Limited when the line is full or the wait too long, ConnectionAbortedError when
        `gone()` says that the client left the line, and what `route()` raises.
        """
        seats = self._seats.setdefault(uid, Seats())
        # Whoever waits was here before: a newcomer takes a seat only when nobody does.
        chosen = None if seats.line else self._take(seats, route(), avoid)
        return chosen or self._wait(seats, uid, Ticket(route, avoid), gone)

    def leave(self, uid: str, upstream: Upstream) -> None:
        """The request that `enter` let in is over; its seat goes to the first in line."""
        seats = self._seats[uid]
        self._release(seats, upstream)
        self._advance(seats)

    def refused(self, upstream: Upstream) -> None:
        """It took no connection: others are preferred for a while, then one request asks again.

        A node behind a cut link would cost every request that its turn comes to a timeout.
        """
        now = self._clock()
        old = [each for each, at in self._refused_at.items() if now - at > 2 * _PREFER_OTHERS_S]
        for each in old:
            del self._refused_at[each]
        self._refused_at[upstream] = now

    def heard(self, upstream: Upstream) -> None:
        """It answers: it is as good as others again."""
        if self._refused_at:
            self._refused_at.pop(upstream, None)

    def _wait(self, seats: Seats, uid: str, ticket: Ticket, gone: Callable[[], bool]) -> Upstream:
        limits = ticket.route().limits
        # A part of a line has one place at least, but where nobody is to wait, nobody does.
        if len(seats.line) >= max(min(1, limits.max_queue), limits.max_queue // self._share):
            raise Limited(
                f"The queue of model '{uid}' is full ({limits.max_queue} requests wait).",
                "Try again later, or add replicas.",
                retry_after_s=1.0,
            )
        seats.line.append(ticket)
        deadline = time.monotonic() + limits.queue_timeout_s
        try:
            while True:
                is_first = bool(seats.line) and seats.line[0] is ticket
                ticket.seat.wait(_CHECK_SHARED_S if is_first and self._shared else _CHECK_S)
                if ticket.seat.ready():
                    seat: Upstream = ticket.seat.get()
                    return seat
                if gone():
                    raise ConnectionAbortedError
                if time.monotonic() > deadline:
                    raise Limited(
                        f"No replica of '{uid}' was free within {limits.queue_timeout_s:g} s.",
                        "Try again later, or add replicas.",
                        retry_after_s=5.0,
                    )
                # A replica may have become ready, which frees seats without anyone leaving.
                if is_first:
                    self._advance(seats)
        except BaseException:
            self._give_up(seats, ticket)
            raise

    def _advance(self, seats: Seats) -> None:
        """Hand free seats over, in the order of the line."""
        while seats.line:
            ticket = seats.line[0]
            try:
                chosen = self._take(seats, ticket.route(), ticket.avoid)
            except XinferError as error:
                seats.line.popleft()
                ticket.seat.set_exception(error)
                continue
            if chosen is None:
                return
            seats.line.popleft()
            ticket.seat.set(chosen)

    def _give_up(self, seats: Seats, ticket: Ticket) -> None:
        """Leave the line; a seat that came in the same moment goes to the next one."""
        if ticket in seats.line:
            seats.line.remove(ticket)
        elif ticket.seat.successful():
            self._release(seats, ticket.seat.value)
            self._advance(seats)

    def _take(self, seats: Seats, route: Route, avoid: frozenset[str]) -> Upstream | None:
        """A seat at the replica with the fewest requests, in turn among equals; None when all are
        full.
        """
        upstreams = route.upstreams
        candidates = [each for each in upstreams if each.replica_id not in avoid] or list(upstreams)
        if self._refused_at:
            candidates = self._trusted(candidates)
        start = next(seats.turn) % len(candidates)
        rotated = candidates[start:] + candidates[:start]
        rotated.sort(key=lambda each: seats.in_flight.get(each.replica_id, 0))
        for each in rotated:
            if self._is_free(seats, each.replica_id, route.limits.max_in_flight):
                seats.in_flight[each.replica_id] = seats.in_flight.get(each.replica_id, 0) + 1
                if each in self._refused_at:
                    # This request asks; the others go on without it until there is an answer.
                    self._refused_at[each] = self._clock()
                return each
        return None

    def _trusted(self, candidates: list[Upstream]) -> list[Upstream]:
        """Those that have not refused lately; all if there are no others."""
        since = self._clock() - _PREFER_OTHERS_S
        refused_at = self._refused_at
        return [each for each in candidates if refused_at.get(each, since) <= since] or candidates

    def _is_free(self, seats: Seats, replica_id: str, limit: int | None) -> bool:
        if limit is None:
            return True
        if self._shared is not None:
            return self._shared.take(replica_id, limit)
        return seats.in_flight.get(replica_id, 0) < limit

    def _release(self, seats: Seats, upstream: Upstream) -> None:
        if self._shared is not None:
            self._shared.give_back(upstream.replica_id)
        left = seats.in_flight[upstream.replica_id] - 1
        if left:
            seats.in_flight[upstream.replica_id] = left
        else:
            del seats.in_flight[upstream.replica_id]
