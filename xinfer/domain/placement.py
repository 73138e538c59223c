"""Which node, and which accelerators of it, one more replica goes to; or what is missing where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from xinfer.domain import memory
from xinfer.domain.memory import Room
from xinfer.domain.model import ModelSpec, Placement
from xinfer.domain.node import Device, Machine, NodeReport
from xinfer.domain.refusal import Lack, Reason, Refusal, Shortage
from xinfer.domain.state import AssignedReplica

_NAMED_AT_MOST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A place for one replica."""

    node: str
    devices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Short:
    """What a node lacks, and how that is told."""

    words: str
    what: Shortage


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
) -> Seat | Refusal:
    """The best seat among `nodes`, or why there is none.

    Spreads: fewest replicas of this model first, then fewest of any, then most free memory.
    """
    by_node: dict[str, list[AssignedReplica]] = {name: [] for name in nodes}
    for replica in taken:
        by_node.setdefault(replica.node, []).append(replica)
    found: list[tuple[int, int, int, str, tuple[int, ...]]] = []
    shortages: dict[str, _Short] = {}
    for name, report in nodes.items():
        mine = by_node[name]
        devices = _room(spec, report, mine)
        if isinstance(devices, _Short):
            shortages[name] = devices
            continue
        same = sum(1 for replica in mine if replica.uid == spec.uid)
        free = memory.free_on_machine(report.machine, mine)
        found.append((same, len(mine), -free, name, devices))
    if found:
        *_, node, devices = min(found)
        return Seat(node=node, devices=devices)
    return _refusal(spec, shortages)


def lack(replica: AssignedReplica, room: Room) -> str:
    """A sentence that says what its node lacks of the memory that the spec of a replica asks for,
    where it is assigned; empty when it lacks nothing. `room` is that node, without the replica.
    """
    own = tuple(one for one in room.machine.devices if one.index in replica.devices)
    found = _places(replica.spec, replace(room.machine, devices=own), list(room.taken))
    if not isinstance(found, _Short):
        return ""
    spec = replace(replica.spec, placement=replace(replica.spec.placement, labels={}))
    return f"Node '{replica.node}' cannot take a replica that needs {_needs(spec)}: {found.words}."


def _room(
    spec: ModelSpec, report: NodeReport, taken: list[AssignedReplica]
) -> tuple[int, ...] | _Short:
    """The accelerators to use on this node (none = main memory), or what it lacks."""
    if not matches(spec.placement, report):
        return _mismatch(spec.placement, report)
    return _places(spec, report.machine, taken)


def _places(
    spec: ModelSpec, machine: Machine, taken: list[AssignedReplica]
) -> tuple[int, ...] | _Short:
    devices = _devices(spec, machine, taken)
    if isinstance(devices, _Short) or devices:
        return devices
    free = memory.free_on_machine(machine, taken)
    if spec.memory_bytes is not None and spec.memory_bytes > free:
        return _shortage(machine, free, taken)
    return ()


def _shortage(machine: Machine, free: int, taken: list[AssignedReplica]) -> _Short:
    """What is free of the main memory, and who has the rest."""
    asked, held = memory.asked_of_machine(taken), machine.memory_held_bytes
    parts = [f"replicas ask for {memory.gib(asked)}"] if asked else []
    parts += [f"other programs hold {memory.gib(held)}"] if held else []
    who = f" ({', '.join(parts)})" if parts else ""
    words = f"{memory.gib(free)} of {memory.gib(machine.memory_total_bytes)} memory free{who}"
    return _Short(words=words, what=Shortage(lack=Lack.MEMORY, free_bytes=free))


def _mismatch(placement: Placement, report: NodeReport) -> _Short:
    if placement.node is not None and not is_called(report, placement.node):
        return _Short(words="is another node", what=Shortage(lack=Lack.NODE))
    lacking = [
        f"{name}={value}"
        for name, value in placement.labels.items()
        if report.labels.get(name) != value
    ]
    names = ", ".join(lacking)
    return _Short(words=f"lacks the label {names}", what=Shortage(lack=Lack.LABEL, subject=names))


def _devices(
    spec: ModelSpec, machine: Machine, taken: list[AssignedReplica]
) -> tuple[int, ...] | _Short:
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
) -> tuple[int, ...] | _Short:
    """A share of the indices that the spec names: equal shares by replica where they divide."""
    named = spec.placement.gpu_idx
    missing = sorted(set(named) - {device.index for device in offered})
    if missing:
        return _without_accelerator(", ".join(map(str, missing)))
    size, rest = divmod(len(named), max(1, spec.replicas))
    if rest or not size:
        size = len(named)
    shares = [named[start : start + size] for start in range(0, len(named), size)]
    used = Counter(replica.devices for replica in taken if replica.uid == spec.uid)
    return min(shares, key=lambda part: used[part])


def _several(
    wanted: int, spec: ModelSpec, offered: tuple[Device, ...], taken: list[AssignedReplica]
) -> tuple[int, ...] | _Short:
    """Whole accelerators that no other replica uses."""
    if not offered:
        return _without_accelerator()
    busy = {index for replica in taken for index in replica.devices}
    part = memory.share(spec.memory_bytes or 0, wanted)
    fit = [device for device in offered if device.total_bytes >= part]
    idle = [device for device in fit if device.index not in busy]
    free = [device.index for device in idle if memory.free_on_device(device, ()) >= part]
    if len(fit) < wanted:
        return _Short(
            words=f"has {len(fit)} accelerators with {memory.gib(part)}",
            what=Shortage(lack=Lack.SIZE, subject=str(len(fit))),
        )
    if len(free) < wanted:
        held = max((device.held_bytes for device in idle), default=0)
        count = f"{len(free)} of {len(offered)}"
        return _Short(
            words=f"{count} accelerators free{_by_others(held)}",
            what=Shortage(lack=Lack.IDLE, subject=count),
        )
    return tuple(sorted(free)[:wanted])


def _without_accelerator(which: str = "") -> _Short:
    return _Short(
        words=f"has no accelerator {which}".rstrip(),
        what=Shortage(lack=Lack.ACCELERATOR, subject=which),
    )


def _by_others(held: int) -> str:
    return f" (other programs hold up to {memory.gib(held)} of one)" if held else ""


def _automatic(
    spec: ModelSpec, offered: tuple[Device, ...], taken: list[AssignedReplica]
) -> tuple[int, ...] | _Short:
    """One accelerator, the least shared that has the memory."""
    users = Counter(index for replica in taken for index in replica.devices)
    need = spec.memory_bytes or 0
    fit = [device for device in offered if memory.free_on_device(device, taken) >= need]
    if not fit:
        most = max(memory.free_on_device(device, taken) for device in offered)
        held = max(device.held_bytes for device in offered)
        return _Short(
            words=f"at most {memory.gib(most)} free on one accelerator{_by_others(held)}",
            what=Shortage(lack=Lack.MEMORY, subject="accelerator", free_bytes=most),
        )
    return (min(fit, key=lambda device: (users[device.index], device.index)).index,)


def _refusal(spec: ModelSpec, shortages: Mapping[str, _Short]) -> Refusal:
    """`spec.placement` and memory as asked, then what each node has."""
    wanted = spec.placement.node
    if wanted is not None:
        meant = {name: one for name, one in shortages.items() if one.what.lack is not Lack.NODE}
        if not meant:
            known = ", ".join(sorted(shortages)) or "none"
            return Refusal(
                message=f"It must run on node '{wanted}', which is not there (there are: {known}).",
                reason=Reason(shortages={wanted: Shortage(lack=Lack.NODE)}),
            )
        shortages = meant
    named = sorted(shortages)[:_NAMED_AT_MOST]
    parts = [f"node '{name}': {shortages[name].words}" for name in named]
    if len(shortages) > len(named):
        parts.append(f"and {len(shortages) - len(named)} more nodes")
    return Refusal(
        message=f"No node can take a replica that needs {_needs(spec)}; {'; '.join(parts)}.",
        reason=Reason(
            shortages={name: one.what for name, one in shortages.items()},
            asked=" and ".join(_beside_memory(spec.placement)),
            needed_bytes=spec.memory_bytes,
        ),
    )


def _needs(spec: ModelSpec) -> str:
    needs = [memory.gib(spec.memory_bytes)] if spec.memory_bytes is not None else []
    return " and ".join((*needs, *_beside_memory(spec.placement))) or "a node"


def _beside_memory(placement: Placement) -> Iterator[str]:
    if placement.gpu_idx:
        yield f"the accelerators {', '.join(map(str, placement.gpu_idx))}"
    elif isinstance(placement.n_gpu, int):
        yield f"{placement.n_gpu} accelerator{'s' if placement.n_gpu > 1 else ''}"
    for name, value in placement.labels.items():
        yield f"the label {name}={value}"
