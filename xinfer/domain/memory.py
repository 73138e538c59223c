"""How much memory a node or an accelerator has left for one more replica.

That is what neither its replicas asked for nor anything else holds. Replicas count with what their
specs ask, not with what is measured of them: a plan must not change because a process grew. What
others hold is measured, and decides only where a new replica goes: none is moved for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xinfer.domain.model import ModelSpec
from xinfer.domain.node import Device, Machine
from xinfer.domain.state import AssignedReplica


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A machine and the replicas that are assigned to it."""

    machine: Machine
    taken: tuple[AssignedReplica, ...] = ()

    def free(self) -> int:
        """Bytes of main memory that are free; at least 0."""
        return max(0, free_on_machine(self.machine, self.taken))

    def free_by_device(self) -> tuple[int, ...]:
        """Bytes that are free, at least 0, of each accelerator as the machine lists them."""
        return tuple(max(0, free_on_device(one, self.taken)) for one in self.machine.devices)

    def largest(self, spec: ModelSpec) -> int:
        """The most bytes that one more replica of `spec` could have here now."""
        if not self.machine.devices or spec.placement.n_gpu is None:
            return self.free()
        wanted = spec.placement.n_gpu
        count = wanted if isinstance(wanted, int) else 1
        freest = sorted(self.free_by_device(), reverse=True)
        return freest[count - 1] * count if count <= len(freest) else 0


def free_on_machine(machine: Machine, taken: Iterable[AssignedReplica]) -> int:
    """Bytes of main memory that `taken`, the node's own replicas, and others leave; may be
    negative.

    A replica on accelerators asks for their memory and is not counted here.
    """
    return machine.memory_total_bytes - asked_of_machine(taken) - machine.memory_held_bytes


def free_on_device(device: Device, taken: Iterable[AssignedReplica]) -> int:
    """Bytes of one accelerator that `taken`, the node's own replicas, and others leave; may be
    negative.
    """
    asked = sum(per_device(replica) for replica in taken if device.index in replica.devices)
    return device.total_bytes - asked - device.held_bytes


def asked_of_machine(taken: Iterable[AssignedReplica]) -> int:
    """Bytes of main memory that replicas ask for."""
    return sum(replica.spec.memory_bytes or 0 for replica in taken if not replica.devices)


def per_device(replica: AssignedReplica) -> int:
    """Bytes that a replica asks of each of its accelerators."""
    return share(replica.spec.memory_bytes or 0, len(replica.devices))


def share(memory_bytes: int, parts: int) -> int:
    """`memory_bytes` in equal parts, rounded up."""
    return -(-memory_bytes // max(1, parts))


def gib(amount_bytes: int) -> str:
    """An amount for people, in GiB, or in MiB when it is small."""
    if amount_bytes < 1024**3:
        return f"{max(0, amount_bytes) / 1024**2:.0f} MiB"
    return f"{amount_bytes / 1024**3:.1f} GiB"
