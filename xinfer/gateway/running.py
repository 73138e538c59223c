"""The requests of one process by their ids, so that somebody else can end them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

import msgspec

from xinfer.errors import Cancelled

_MAX_BLOCKED = 10_000
_MAX_BLOCK_S = 3600.0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """End a request of a model, and refuse its id for `block_s` seconds.

    `owner` None: whoever's it is; else only that caller's.
    """

    uid: str
    request_id: str
    owner: str | None = None
    block_s: float = 0.0


class Ending(Protocol):
    """What ends requests: of this process, or of all of them."""

    def end(self, order: Order) -> bool:
        """Whether such a request was running."""
        ...


@dataclass(slots=True, eq=False)
class Ticket:
    """One running request."""

    uid: str
    ids: Collection[str]
    owner: str
    ended: str = ""
    """The id by which it was ended; empty while it may go on."""

    def check(self) -> None:
        """Raises Cancelled once the request was ended."""
        if self.ended:
            raise Cancelled(f"Request '{self.ended}' was aborted.")

    def gone(self, client: Callable[[], bool]) -> Callable[[], bool]:
        """The question whether the client has hung up, which also raises what `check` does."""

        def asked() -> bool:
            self.check()
            return client()

        return asked


class Running:
    """`clock` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tickets: dict[tuple[str, str], list[Ticket]] = {}
        self._blocked: dict[Order, float] = {}

    def enter(self, uid: str, ids: Collection[str], owner: str) -> Ticket:
        """A request begins; `leave` must follow. Raises Cancelled for an id that is refused now."""
        if self._blocked:
            self._refuse(uid, ids, owner)
        ticket = Ticket(uid, ids, owner)
        for one in ids:
            self._tickets.setdefault((uid, one), []).append(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """The request is over."""
        for one in ticket.ids:
            same = self._tickets[ticket.uid, one]
            same.remove(ticket)
            if not same:
                del self._tickets[ticket.uid, one]

    def end(self, order: Order) -> bool:
        """Whether such a request was running; it ends within a moment."""
        if order.block_s > 0:
            self._block(order)
        found = [
            each
            for each in self._tickets.get((order.uid, order.request_id), ())
            if order.owner in (None, each.owner)
        ]
        for each in found:
            each.ended = order.request_id
        return bool(found)

    def _block(self, order: Order) -> None:
        now_s = self._clock()
        key = _key(order.uid, order.request_id, order.owner)
        alive = {one: until_s for one, until_s in self._blocked.items() if until_s > now_s}
        alive.pop(key, None)
        while len(alive) >= _MAX_BLOCKED:
            del alive[next(iter(alive))]
        alive[key] = now_s + min(order.block_s, _MAX_BLOCK_S)
        self._blocked = alive

    def _refuse(self, uid: str, ids: Collection[str], owner: str) -> None:
        now_s = self._clock()
        for one in ids:
            for who in (None, owner):
                if self._blocked.get(_key(uid, one, who), now_s) > now_s:
                    raise Cancelled(f"Request '{one}' was aborted before it came.")


def _key(uid: str, request_id: str, owner: str | None) -> Order:
    return Order(uid=uid, request_id=request_id, owner=owner)
