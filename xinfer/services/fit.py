"""How much memory a model will need, whether some node has it, and what would fit instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice

from xinfer.catalog.family import Family, Variant
from xinfer.catalog.footprint import footprint
from xinfer.domain.footprint import Footprint, needed_bytes
from xinfer.domain.memory import gib
from xinfer.domain.model import ModelSpec
from xinfer.domain.node import Machine
from xinfer.domain.ports import Engine, Engines, MeasuredStore

_MARGIN = 1.1
"""What a measured peak is raised by: the next replica may be asked for longer texts."""

_SHOWN = 3
_CONTEXTS = (131072, 65536, 32768, 16384, 8192, 4096, 2048, 1024)


class Fit:
    """Estimates by catalog and measurement."""

    def __init__(self, engines: Engines, measured: MeasuredStore | None = None) -> None:
        self._engines = engines
        self._measured = measured

    def needed(
        self, spec: ModelSpec, model: Footprint | None, machines: Iterable[Machine]
    ) -> int | None:
        """Bytes that one replica asks for; None when nothing is known of the model.

        What a replica of the same kind was seen to take counts before what is calculated, but not
        where accelerators are used, whose memory is not measured.
        """
        if spec.memory_bytes is not None:
            return spec.memory_bytes
        known = tuple(machines)
        accelerated = any(machine.devices for machine in known) and spec.placement.n_gpu is not None
        if self._measured is not None and not accelerated:
            peak = self._measured.measured().of(spec)
            if peak is not None:
                return int(peak * _MARGIN)
        habits = self._engines.get(spec.engine).traits.habits
        if model is None and accelerated and habits.share_option:
            # Whatever the model is: the engine takes its share beforehand.
            model = Footprint(weights_bytes=0, token_bytes=0)
        if model is None or not known:
            return None
        return min(needed_bytes(model, spec, habits, machine) for machine in known)

    def room(self, spec: ModelSpec, machines: Iterable[Machine]) -> int:
        """The most bytes that a replica can have at all on one of the machines."""
        rooms = [_room(spec, machine) for machine in machines]
        return max(rooms, default=0)

    def alternatives(
        self,
        spec: ModelSpec,
        family: Family | None,
        machines: Iterable[Machine],
        fits: Callable[[ModelSpec], bool],
    ) -> str:
        """What of the same family would fit: a shorter context, a smaller quantization or size.

        `fits` says of a spec with its memory whether there is a place for it as things are.
        """
        known = tuple(machines)
        if family is None or not known:
            return ""
        others = chain(
            self._shorter(spec, family, known, fits), self._smaller(spec, family, known, fits)
        )
        found = list(islice(others, _SHOWN))
        if not found:
            return "Nothing of this family fits here; add memory, or choose a smaller model."
        return f"What would fit: {'; '.join(found)}."

    def _shorter(
        self,
        spec: ModelSpec,
        family: Family,
        machines: tuple[Machine, ...],
        fits: Callable[[ModelSpec], bool],
    ) -> Iterator[str]:
        option = self._engines.get(spec.engine).traits.habits.context_option
        given = spec.options.get(option) if option else None
        model = next(
            (
                footprint(variant, spec.quantization or "none")
                for variant in family.variants
                if (variant.format, variant.size) == (spec.format, spec.size)
            ),
            None,
        )
        if given is None or model is None:
            return
        for context in _CONTEXTS:
            if context >= int(given):
                continue
            shorter = replace(spec, options={**spec.options, option: context})
            needed = self._estimate(shorter, model, machines)
            if fits(replace(shorter, memory_bytes=needed)):
                yield f"{option}: {context} ({gib(needed)})"
                return

    def _smaller(
        self,
        spec: ModelSpec,
        family: Family,
        machines: tuple[Machine, ...],
        fits: Callable[[ModelSpec], bool],
    ) -> Iterator[str]:
        """Of each variant the largest quantization that fits: of the size that was asked for first,
        then from the largest down.
        """
        room, found = self.room(spec, machines), list[tuple[int, Variant, ModelSpec]]()
        for place, variant in enumerate(family.variants):
            for quantization in variant.quantizations():
                other = replace(
                    spec, format=variant.format, size=variant.size, quantization=quantization
                )
                model = footprint(variant, quantization)
                if model is not None and _runs(self._engines.get(spec.engine), other, machines):
                    needed = self._estimate(other, model, machines)
                    found.append((place, variant, replace(other, memory_bytes=needed)))
        found.sort(key=lambda one: (one[2].size != spec.size, -(one[2].memory_bytes or 0)))
        named: set[int] = set()
        for place, variant, other in found:
            needed = other.memory_bytes or 0
            if place in named or needed > room or not fits(other):
                continue
            named.add(place)
            yield (
                f"format: {variant.format}, size: {variant.size}, "
                f"quantization: {other.quantization} ({gib(needed)})"
            )

    def _estimate(self, spec: ModelSpec, model: Footprint, machines: tuple[Machine, ...]) -> int:
        habits = self._engines.get(spec.engine).traits.habits
        return min(needed_bytes(model, spec, habits, machine) for machine in machines)


def _runs(engine: Engine, spec: ModelSpec, machines: tuple[Machine, ...]) -> bool:
    """Whether the engine can run it on one of the machines, if it fits."""
    return spec.format in engine.traits.formats and any(
        engine.supports(spec, machine).ok for machine in machines
    )


def estimates(
    engines: Engines, spec: ModelSpec, variant: Variant, machines: tuple[Machine, ...]
) -> Mapping[str, int]:
    """Bytes that a replica would need, by quantization of a variant; those that are known."""
    habits = engines.get(spec.engine).traits.habits
    found = {}
    for quantization in variant.quantizations():
        model = footprint(variant, quantization)
        if model is not None and machines:
            other = replace(spec, quantization=quantization)
            found[quantization] = min(
                needed_bytes(model, other, habits, machine) for machine in machines
            )
    return found


def _room(spec: ModelSpec, machine: Machine) -> int:
    if machine.devices and spec.placement.n_gpu is not None:
        largest = max(device.total_bytes for device in machine.devices)
        wanted = spec.placement.n_gpu
        return largest * (wanted if isinstance(wanted, int) else 1)
    return machine.memory_total_bytes
