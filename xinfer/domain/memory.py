"""How much memory a node or an accelerator has left after what its replicas ask for.

Accounting is by what specs ask, not by what is measured: a plan must not change because a process
grew or another program started.
"""

from __future__ import annotations

from collections.abc import Iterable

from xinfer.domain.node import Device, Machine
from xinfer.domain.state import AssignedReplica


def free_on_machine(machine: Machine, taken: Iterable[AssignedReplica]) -> int:
    """Bytes of main memory that `taken`, the node's own replicas, leave; may be negative.

    A replica on accelerators asks for their memory and is not counted here.
    """
    asked = sum(replica.spec.memory_bytes or 0 for replica in taken if not replica.devices)
    return machine.memory_total_bytes - asked


def free_on_device(device: Device, taken: Iterable[AssignedReplica]) -> int:
    """Bytes of one accelerator that `taken`, the node's own replicas, leave; may be negative."""
    asked = sum(per_device(replica) for replica in taken if device.index in replica.devices)
    return device.total_bytes - asked


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
