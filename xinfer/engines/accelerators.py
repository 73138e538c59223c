"""The accelerators of a replica: how many, how a model is spread over them, which it sees."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xinfer.domain.engine import Launch, Verdict
from xinfer.domain.model import ModelSpec
from xinfer.domain.node import Machine


def on_linux(machine: Machine) -> bool:
    """Whether the engines that are built for Linux alone can run there."""
    return machine.system.lower().startswith("linux")


def on_apple_silicon(machine: Machine) -> bool:
    """Whether it is a Mac whose memory its own accelerator shares."""
    return machine.system.lower().startswith("darwin-arm")


def has_cuda(machine: Machine) -> bool:
    """Whether any of the machine's accelerators is one of NVIDIA's."""
    return any(device.kind == "cuda" for device in machine.devices)


def wants_one(spec: ModelSpec) -> bool:
    """Whether a replica is given accelerators where there are any."""
    return bool(spec.placement.gpu_idx) or spec.placement.n_gpu is not None


def planned(spec: ModelSpec) -> int | None:
    """How many a replica will get; None when only the planner knows."""
    if spec.placement.gpu_idx:
        return None
    count = spec.placement.n_gpu
    return 1 if isinstance(count, str) else count


def tensor_size(spec: ModelSpec, sizes: Sequence[str], count: int) -> int | None:
    """Over how many of `count` accelerators each layer is split, all of them being used.

    `sizes` names the options with the parallel sizes, that of the layers first. None when the
    others do not divide `count`, or when the product of all is another.
    """
    tensor, *others = (spec.options.get(name) for name in sizes)
    groups = prod(size or 1 for size in others)
    if tensor is None:
        return count // groups if count and count % groups == 0 else None
    return int(tensor) if tensor * groups == count else None


def spread(spec: ModelSpec, sizes: Sequence[str], count: int | None) -> Verdict:
    """Whether the parallel sizes use `count` accelerators, all of them."""
    if count is None or tensor_size(spec, sizes, count) is not None:
        return Verdict(ok=True)
    given = " x ".join(f"{name} {spec.options[name]}" for name in sizes if name in spec.options)
    return Verdict(
        ok=False,
        reason=f"{given or 'The model'} does not fit a replica with {count} accelerators.",
        hint=f"Set n_gpu to the product of the parallel sizes, or leave {sizes[0]} out.",
    )


def visible(launch: Launch) -> dict[str, str]:
    """The accelerators of this replica alone; none at all when it was given none."""
    if not has_cuda(launch.machine):
        return {}
    return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, launch.devices))}
