"""Which node, and which accelerators of it, one more replica goes to; or what is missing where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from xinfer.domain import memory
from xinfer.domain.memory import Room
from xinfer.domain.model import ModelSpec, Placement
from xinfer.domain.node import Device, Machine, NodeReport
from xinfer.domain.state import AssignedReplica

_NAMED_AT_MOST = 4
_ANOTHER = "is another node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A place for one replica."""

    node: str
    devices: tuple[int, ...] = ()


def matches(placement: Placement, report: NodeReport) -> bool:
    """Whether a node is the one, and has the labels, that a spec asks for."""
    if placement.node is not None and not is_called(report, placement.node):
        return False
    return all(report.labels.get(name) == value for name, value in placement.labels.items())


def is_called(report: NodeReport, name: str) -> bool:
    """Whether `name` means this node: its name, or its address with or without the port."""
    return name in (report.node, report.address, report.address.rpartition(":")[0])


def place(
    spec: ModelSpec, nodes: Mapping[str, NodeReport], taken: Iterable[AssignedReplica]
) -> Seat | str:
    """The best seat among `nodes`, or a sentence that says why there is none.

    Spreads: fewest replicas of this model first, then fewest of any, then most free memory.
    """
    by_node: dict[str, list[AssignedReplica]] = {name: [] for name in nodes}
    for replica in taken:
        by_node.setdefault(replica.node, []).append(replica)
    found: list[tuple[int, int, int, str, tuple[int, ...]]] = []
    shortages: dict[str, str] = {}
    for name, report in nodes.items():
        mine = by_node[name]
        devices = _room(spec, report, mine)
        if isinstance(devices, str):
            shortages[name] = devices
            continue
        same = sum(1 for replica in mine if replica.uid == spec.uid)
        free = memory.free_on_machine(report.machine, mine)
        found.append((same, len(mine), -free, name, devices))
    if found:
        *_, node, devices = min(found)
        return Seat(node=node, devices=devices)
    return _sentence(spec, shortages)


def lack(replica: AssignedReplica, room: Room) -> str:
    """A sentence that says what its node lacks of the memory that the spec of a replica asks for,
    where it is assigned; empty when it lacks nothing. `room` is that node, without the replica.
    """
    own = tuple(one for one in room.machine.devices if one.index in replica.devices)
    found = _places(replica.spec, replace(room.machine, devices=own), list(room.taken))
    if not isinstance(found, str):
        return ""
    spec = replace(replica.spec, placement=replace(replica.spec.placement, labels={}))
    return f"Node '{replica.node}' cannot take a replica that needs {_needs(spec)}: {found}."


def _room(
    spec: ModelSpec, report: NodeReport, taken: list[AssignedReplica]
) -> tuple[int, ...] | str:
    """The accelerators to use on this node (none = main memory), or what it lacks."""
    if not matches(spec.placement, report):
        return _mismatch(spec.placement, report)
    return _places(spec, report.machine, taken)


def _places(
    spec: ModelSpec, machine: Machine, taken: list[AssignedReplica]
) -> tuple[int, ...] | str:
    devices = _devices(spec, machine, taken)
    if isinstance(devices, str) or devices:
        return devices
    free = memory.free_on_machine(machine, taken)
    if spec.memory_bytes is not None and spec.memory_bytes > free:
        return _shortage(machine, free, taken)
    return ()


def _shortage(machine: Machine, free: int, taken: list[AssignedReplica]) -> str:
    """What is free of the main memory, and who has the rest."""
    asked, held = memory.asked_of_machine(taken), machine.memory_held_bytes
    parts = [f"replicas ask for {memory.gib(asked)}"] if asked else []
    parts += [f"other programs hold {memory.gib(held)}"] if held else []
    who = f" ({', '.join(parts)})" if parts else ""
    return f"{memory.gib(free)} of {memory.gib(machine.memory_total_bytes)} memory free{who}"


def _mismatch(placement: Placement, report: NodeReport) -> str:
    if placement.node is not None and not is_called(report, placement.node):
        return _ANOTHER
    lacking = [
        f"{name}={value}"
        for name, value in placement.labels.items()
        if report.labels.get(name) != value
    ]
    return f"lacks the label {', '.join(lacking)}"


def _devices(
    spec: ModelSpec, machine: Machine, taken: list[AssignedReplica]
) -> tuple[int, ...] | str:
    wanted, offered = spec.placement.n_gpu, machine.devices
    if spec.placement.gpu_idx:
        return _named(spec, offered, taken)
    if wanted is None:
        return ()
    if isinstance(wanted, int):
        return _several(wanted, spec, offered, taken)
    if not offered or not (spec.source or spec.family):
        # What loads no files of ours (a demo, a program of the user's) takes no accelerator
        # unless it asks for one.
        return ()
    return _automatic(spec, offered, taken)


def _named(
    spec: ModelSpec, offered: tuple[Device, ...], taken: list[AssignedReplica]
) -> tuple[int, ...] | str:
    """A share of the indices that the spec names: equal shares by replica where they divide."""
    named = spec.placement.gpu_idx
    missing = sorted(set(named) - {device.index for device in offered})
    if missing:
        return f"has no accelerator {', '.join(map(str, missing))}"
    size, rest = divmod(len(named), max(1, spec.replicas))
    if rest or not size:
        size = len(named)
    shares = [named[start : start + size] for start in range(0, len(named), size)]
    used = Counter(replica.devices for replica in taken if replica.uid == spec.uid)
    return min(shares, key=lambda part: used[part])


def _several(
    wanted: int, spec: ModelSpec, offered: tuple[Device, ...], taken: list[AssignedReplica]
) -> tuple[int, ...] | str:
    """Whole accelerators that no other replica uses."""
    if not offered:
        return "has no accelerator"
    busy = {index for replica in taken for index in replica.devices}
    part = memory.share(spec.memory_bytes or 0, wanted)
    fit = [device for device in offered if device.total_bytes >= part]
    idle = [device for device in fit if device.index not in busy]
    free = [device.index for device in idle if memory.free_on_device(device, ()) >= part]
    if len(fit) < wanted:
        return f"has {len(fit)} accelerators with {memory.gib(part)}"
    if len(free) < wanted:
        held = max((device.held_bytes for device in idle), default=0)
        return f"{len(free)} of {len(offered)} accelerators free{_by_others(held)}"
    return tuple(sorted(free)[:wanted])


def _by_others(held: int) -> str:
    return f" (other programs hold up to {memory.gib(held)} of one)" if held else ""


def _automatic(
    spec: ModelSpec, offered: tuple[Device, ...], taken: list[AssignedReplica]
) -> tuple[int, ...] | str:
    """One accelerator, the least shared that has the memory."""
    users = Counter(index for replica in taken for index in replica.devices)
    need = spec.memory_bytes or 0
    fit = [device for device in offered if memory.free_on_device(device, taken) >= need]
    if not fit:
        most = max(memory.free_on_device(device, taken) for device in offered)
        held = max(device.held_bytes for device in offered)
        return f"at most {memory.gib(most)} free on one accelerator{_by_others(held)}"
    return (min(fit, key=lambda device: (users[device.index], device.index)).index,)


def _sentence(spec: ModelSpec, shortages: Mapping[str, str]) -> str:
    """`spec.placement` and memory as asked, then what each node has."""
    place = spec.placement
    meant = {name: lack for name, lack in shortages.items() if lack != _ANOTHER}
    if place.node is not None and not meant:
        known = ", ".join(sorted(shortages)) or "none"
        return f"It must run on node '{place.node}', which is not there (there are: {known})."
    if place.node is not None:
        shortages = meant
    named = sorted(shortages)[:_NAMED_AT_MOST]
    parts = [f"node '{name}': {shortages[name]}" for name in named]
    if len(shortages) > len(named):
        parts.append(f"and {len(shortages) - len(named)} more nodes")
    return f"No node can take a replica that needs {_needs(spec)}; {'; '.join(parts)}."


def _needs(spec: ModelSpec) -> str:
    place = spec.placement
    needs = [memory.gib(spec.memory_bytes)] if spec.memory_bytes is not None else []
    if place.gpu_idx:
        needs.append(f"the accelerators {', '.join(map(str, place.gpu_idx))}")
    elif isinstance(place.n_gpu, int):
        needs.append(f"{place.n_gpu} accelerator{'s' if place.n_gpu > 1 else ''}")
    needs += [f"the label {name}={value}" for name, value in place.labels.items()]
    return " and ".join(needs) or "a node"
