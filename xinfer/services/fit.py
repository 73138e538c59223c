"""How much memory a model will need, whether some node has it, and what would fit instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice

from xinfer.catalog.family import Family, Variant
from xinfer.catalog.footprint import footprint
from xinfer.domain.footprint import needed_bytes
from xinfer.domain.memory import Room, gib
from xinfer.domain.model import Footprint, ModelSpec
from xinfer.domain.node import Machine
from xinfer.domain.ports import Engine, Engines, MeasuredStore

_MARGIN = 1.1
"""What a measured peak is raised by: the next replica may be asked for longer texts."""

_SHOWN = 3
_CONTEXTS = (131072, 65536, 32768, 16384, 8192, 4096, 2048, 1024)
_SLOTS = (64, 32, 16, 8, 4, 2, 1)


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
        return self._estimate(spec, model, known)

    def estimates(
        self, spec: ModelSpec, variant: Variant, machines: Iterable[Machine]
    ) -> dict[str, int]:
        """Bytes that a replica would need, by quantization of a variant; those that are known."""
        known = tuple(machines)
        models = {name: footprint(variant, name) for name in variant.quantizations()}
        return {
            name: self._estimate(replace(spec, quantization=name), model, known)
            for name, model in models.items()
            if model is not None and known
        }

    def alternatives(
        self,
        spec: ModelSpec,
        family: Family | None,
        machines: Iterable[Machine],
        fits: Callable[[ModelSpec], bool],
        model: Footprint | None,
    ) -> str:
        """What would fit: a shorter context, fewer slots, or of the same family a smaller
        quantization or size.

        `fits` says of a spec with its memory whether there is a place for it as things are; `model`
        is what the present files need.
        """
        known = tuple(machines)
        if not known:
            return ""
        others = chain(
            self._tighter(spec, model, known, fits) if model is not None else (),
            self._smaller(spec, family, known, fits) if family is not None else (),
        )
        found = list(islice(others, _SHOWN))
        if found:
            return f"What would fit: {'; '.join(found)}."
        if family is None:
            return ""
        return "Nothing of this family fits here; add memory, or choose a smaller model."

    def _tighter(
        self,
        spec: ModelSpec,
        model: Footprint,
        machines: tuple[Machine, ...],
        fits: Callable[[ModelSpec], bool],
    ) -> Iterator[str]:
        """The longest context and the most slots that fit, alone; if neither does, both at once."""
        habits = self._engines.get(spec.engine).traits.habits
        shorter = _less(spec, habits.context_option, _CONTEXTS)
        fewer = _less(spec, habits.slots_option, _SLOTS)
        both = ({**slots, **context} for slots in fewer for context in shorter)
        found = False
        for ways in (shorter, fewer, both):
            if found and ways is both:
                return
            for changed in ways:
                other = replace(spec, options={**spec.options, **changed})
                needed = self._estimate(other, model, machines)
                if fits(replace(other, memory_bytes=needed)):
                    words = ", ".join(f"{name}: {value}" for name, value in changed.items())
                    yield f"{words} ({gib(needed)})"
                    found = True
                    break

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
        # The most that one can have at all saves asking for what never fits.
        room = max(Room(machine=machine).largest(spec) for machine in machines)
        found: list[tuple[int, Variant, ModelSpec]] = []
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


def _less(spec: ModelSpec, option: str, steps: tuple[int, ...]) -> list[dict[str, int]]:
    """An option set to each of `steps` that is below what was asked for, which is the most."""
    given = spec.options.get(option) if option else None
    return [{option: step} for step in steps if given is not None and step < int(given)]


def _runs(engine: Engine, spec: ModelSpec, machines: tuple[Machine, ...]) -> bool:
    """Whether the engine can run it on one of the machines, if it fits."""
    return spec.format in engine.traits.formats and any(
        engine.supports(spec, machine).ok for machine in machines
    )
