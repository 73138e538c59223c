"""A request that a replica has taken."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from xinfer.domain.routing import Upstream
from xinfer.gateway.caller import Caller
from xinfer.gateway.metrics import Timer
from xinfer.gateway.naming import Naming
from xinfer.gateway.reply import Asked
from xinfer.gateway.running import Ticket
from xinfer.gateway.upstream import Connection, Reply


@dataclass(slots=True, kw_only=True)
class Run:
    """A request that a replica has taken, and all that must be given back after it.

    `as_stream`: the engine was asked for a stream where the client wants the whole.
    """

    uid: str
    upstream: Upstream
    connection: Connection
    reply: Reply
    timer: Timer
    caller: Caller
    ticket: Ticket
    asked: Asked
    as_stream: bool

    @property
    def naming(self) -> Naming:
        """What names the model by its uid in the reply: an engine says what it calls it, or the
        adapter that was asked for.
        """
        adapted = msgspec.json.decode(self.asked.fields["model"]) != self.uid
        other = adapted or self.upstream.model_name not in (None, self.uid)
        return Naming(self.uid if other else None)
