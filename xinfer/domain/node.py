"""A machine that runs replicas, as it describes itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from xinfer.domain.replica import ReplicaStatus


class Reach(StrEnum):
    """How the supervisor gets to a node. DIRECT: it connects to the node's address. REVERSE: it
    uses connections that the node has opened to it, for nodes that nobody can connect to.
    """

    DIRECT = "direct"
    REVERSE = "reverse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """The worker of a node, to ask it something: `address` is `host:port` of its own API."""

    node: str
    address: str
    reach: Reach = Reach.DIRECT

    @property
    def names(self) -> tuple[str, ...]:
        """All that a user may call the node by."""
        return self.node, self.address, self.address.rpartition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """An accelerator. Memory in bytes; `used_bytes` counts every process on it, `held_bytes` is
    used and was asked for by none of the node's replicas.

    `load` is the share of the last moments, 0..1, in which it worked (None = it does not tell).
    """

    index: int
    name: str
    kind: str
    total_bytes: int
    used_bytes: int
    held_bytes: int = 0
    load: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a node offers to engines. `cores` are physical; memory in bytes; `load` is the share of
    its processors, 0..1, that all programs together kept busy lately (None = not measured yet).
    `memory_held_bytes` is in use, and was asked for by none of the node's replicas.

    `system` is such as "linux-x86_64" or "darwin-arm64". `missing` says, by engine,
    why the engine's environment cannot run it as things are; engines that are not named can run.
    """

    cores: int
    memory_total_bytes: int
    memory_available_bytes: int
    system: str
    memory_held_bytes: int = 0
    devices: tuple[Device, ...] = ()
    load: float | None = None
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReport:
    """All that a node has to say, sent whole each time.

    `incarnation` changes when the worker process is started anew. `address` is `host:port` of the
    worker's read-only API; `sequence` grows by one per report within an incarnation, so that a
    late report never overwrites a newer one. `assignment` is the assigned revision that its
    replicas were last compared with.
    """

    node: str
    incarnation: str
    sequence: int
    version: str
    address: str
    machine: Machine
    assignment: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    replicas: tuple[ReplicaStatus, ...] = ()
    reach: Reach = Reach.DIRECT

    @property
    def contact(self) -> Contact:
        """Whom to ask about the node."""
        return Contact(node=self.node, address=self.address, reach=self.reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """A node's last report and when (unix seconds, supervisor's clock) it was received."""

    report: NodeReport
    seen_at_s: float
