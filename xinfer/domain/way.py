"""A way: a connection that a node has opened to a supervisor, to be used in the other direction.

It begins as an HTTP upgrade. Then it lies idle until the supervisor calls through it, once: one
line that says whom, answered by GRANTED or a line of refusal. All that follows is that one's own.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

UPGRADE = "xinfer-way"
"""The protocol's name in the header `Upgrade`."""

PROCESS = "X-Xinfer-Process"
PROCESSES = "X-Xinfer-Processes"
"""Headers of the reply: which process of the supervisor has the way, and how many there are."""

TAKER = "xinfer.taker"
"""Where the environment of a request that was answered 101 holds what takes its connection."""

GRANTED = b"OK\r\n"
MAX_LINE = 512

LOST_S = 35
"""After how long without a sign of the other side a way has ended, idle or not."""

_QUIET_S, _PROBES = 20, 3
_KEEPALIVE = {
    "TCP_KEEPIDLE": _QUIET_S,
    "TCP_KEEPALIVE": _QUIET_S,  # macOS
    "TCP_KEEPINTVL": (LOST_S - _QUIET_S) // _PROBES,
    "TCP_KEEPCNT": _PROBES,
    "TCP_USER_TIMEOUT": LOST_S * 1000,
}

OPTIONS = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    *(
        (socket.IPPROTO_TCP, int(getattr(socket, name)), value)
        for name, value in _KEEPALIVE.items()
        if hasattr(socket, name)
    ),
)
"""For `setsockopt` at both ends, of ways and of connections to doors: the other's silent end is
noticed, and a NAT between them forgets no way that lies idle.
"""

_VERB = "CALL"
_WORKER = "-"
_LINE = re.compile(rb"CALL (?P<whom>-|[A-Za-z0-9][\w.:@-]{0,255}) (?P<waiting>\d{1,6})")
_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Whom a way is used for: a replica's door, or with an empty id the worker's own API.

    `waiting`: how many more calls of the same process wait for a way to this node.
    """

    replica_id: str = ""
    waiting: int = 0

    def line(self) -> bytes:
        """As it is sent."""
        return f"{_VERB} {self.replica_id or _WORKER} {self.waiting}\r\n".encode()


def parse_call(line: bytes) -> Call:
    """The call of a line without its end. Raises ValueError for anything else."""
    said = _LINE.fullmatch(line)
    if said is None:
        raise ValueError(f"{line[:_SHOWN]!r} is no call")
    whom = said["whom"].decode()
    return Call(replica_id="" if whom == _WORKER else whom, waiting=int(said["waiting"]))
