"""The collaborators that all replicas of a node share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from xinfer.domain.cluster import Settings
from xinfer.domain.home import Home
from xinfer.domain.memory import Room
from xinfer.domain.node import Machine
from xinfer.domain.ports import Engines, Environments
from xinfer.domain.state import AssignedReplica
from xinfer.worker.fetch import Fetches


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """What the lives of all replicas of a node have in common.

    `host` is the address engines listen on, `door_host` the one under which other hosts reach
    replicas (None = no other host does) and `secret(replica_id)` what they must say there; `wake`
    makes the node's loop run at once. `room(replica)` is the node as the supervisor knows it,
    without that replica.
    """

    home: Home
    settings: Settings
    engines: Engines
    environments: Environments
    fetches: Fetches
    machine: Callable[[], Machine]
    room: Callable[[AssignedReplica], Room]
    wake: Callable[[], None]
    host: str = "127.0.0.1"
    door_host: str | None = None
    secret: Callable[[str], str] = str
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
