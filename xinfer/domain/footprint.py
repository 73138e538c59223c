"""How much memory one replica will take, from its model in numbers and its engine's habits."""

from __future__ import annotations

from xinfer.domain.engine import Habits
from xinfer.domain.model import Footprint, ModelSpec
from xinfer.domain.node import Machine

_USEFUL_CONTEXT = 2048


def needed_bytes(model: Footprint, spec: ModelSpec, habits: Habits, machine: Machine) -> int:
    """Bytes that one replica of `spec` asks of the memory it goes to, on such a machine.

    What an engine takes for itself beforehand (a share of an accelerator) counts as asked.
    """
    accelerated = spec.placement.n_gpu is not None and bool(machine.devices)
    grows = not accelerated and _is_plain(spec) and not model.stored_wide
    growth = habits.growth_on_cpu if grows else 1.0
    need = int(model.weights_bytes * growth) + habits.overhead_bytes
    need += model.token_bytes * tokens(spec, habits)
    if accelerated and habits.share_option:
        share = float(spec.options.get(habits.share_option) or habits.share)
        total = max(device.total_bytes for device in machine.devices)
        need = max(need, int(share * total) * count(spec))
    return need


def tokens(spec: ModelSpec, habits: Habits) -> int:
    """Tokens that the cache is made for: those asked for, else enough to be of use."""
    context = spec.options.get(habits.context_option) if habits.context_option else None
    slots = spec.options.get(habits.slots_option) if habits.slots_option else None
    return int(context or _USEFUL_CONTEXT) * int(slots or 1)


def count(spec: ModelSpec) -> int:
    """Accelerators of one replica."""
    wanted = spec.placement.n_gpu
    if spec.placement.gpu_idx:
        return max(1, len(spec.placement.gpu_idx) // max(1, spec.replicas))
    return wanted if isinstance(wanted, int) else 1


def _is_plain(spec: ModelSpec) -> bool:
    return (spec.quantization or "none").lower() in {"none", "bf16", "fp16"}
