"""Which engines can run a family here, in which variants, and for the others, why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from xinfer.catalog import peer
from xinfer.catalog.family import UNSERVED, Family, Kind, Variant
from xinfer.domain.memory import Room, gib
from xinfer.domain.model import Hub, ModelKind, ModelSpec, Source
from xinfer.domain.node import Machine
from xinfer.domain.ports import Engine, Engines
from xinfer.services.families import Families
from xinfer.services.fit import Fit

_NO_MACHINE = "no worker has joined yet, so nothing can run"


class Offers:
    """`rooms()` are the machines of the nodes that are known, with what is taken of them."""

    def __init__(
        self,
        engines: Engines,
        families: Families,
        fit: Fit,
        rooms: Callable[[], tuple[Room, ...]],
    ) -> None:
        self._engines = engines
        self._families = families
        self._fit = fit
        self._rooms = rooms

    def of(self, kind: str, name: str) -> dict[str, Any] | None:
        """By the engine's title a list of what it can run here, or a text that says why not.

        None for a name that the catalog does not have. Raises Invalid for an unknown kind.
        """
        proper = Kind.of(kind)
        found = [one for one in self._families.registry().families(proper) if one.name == name]
        if not found:
            return None
        rooms = self._rooms()
        return {
            engine.traits.title or engine.name: self._offer(engine, found[0], rooms)
            for engine in self._candidates(proper)
        }

    def engines(self) -> list[dict[str, Any]]:
        """Every engine with what it serves, its options, and why it cannot run here, if so."""
        machines = _machines(self._rooms())
        return [
            {
                "name": engine.name,
                "title": engine.traits.title or engine.name,
                "types": [str(kind) for kind in engine.traits.kinds],
                "formats": [peer.format_name(name) for name in engine.traits.formats],
                "abilities": list(engine.traits.abilities),
                "needs_source": engine.traits.needs_source,
                "missing": _missing(engine, machines),
                "options": [
                    {
                        "name": option.name,
                        "type": option.type,
                        "doc": option.doc,
                        "default": option.default,
                        "choices": list(option.choices),
                        "minimum": option.minimum,
                        "maximum": option.maximum,
                    }
                    for option in engine.options
                ],
            }
            for engine in map(self._engines.get, self._engines.names())
        ]

    def _candidates(self, kind: Kind) -> Iterator[Engine]:
        for name in self._engines.names():
            engine = self._engines.get(name)
            if engine.traits.formats and (
                kind in UNSERVED or ModelKind(kind) in engine.traits.kinds
            ):
                yield engine

    def _offer(
        self, engine: Engine, family: Family, rooms: tuple[Room, ...]
    ) -> list[dict[str, Any]] | str:
        machines = _machines(rooms)
        if family.kind in UNSERVED:
            return UNSERVED[family.kind]
        if not machines:
            return _NO_MACHINE
        readable = [each for each in family.variants if each.format in engine.traits.formats]
        if not readable:
            formats = ", ".join(sorted({str(peer.format_name(v.format)) for v in family.variants}))
            return f"it reads {_formats(engine)}; {family.name} comes as {formats}"
        refusals = [self._refusal(engine, family, variant, machines) for variant in readable]
        # What would not run either if it were installed is not worth an installation.
        if all(refusals):
            return refusals[0]
        missing = _missing(engine, machines)
        if missing:
            return missing
        able = [one for one, refusal in zip(readable, refusals, strict=True) if not refusal]
        return [self._entry(engine, family, variant, rooms) for variant in able]

    def _refusal(
        self, engine: Engine, family: Family, variant: Variant, machines: Iterable[Machine]
    ) -> str:
        """Why no machine can run a variant; empty when one can."""
        verdicts = [engine.supports(_spec(engine, family, variant), each) for each in machines]
        if any(verdict.ok for verdict in verdicts):
            return ""
        return f"{verdicts[0].reason} {verdicts[0].hint}".strip()

    def _entry(
        self, engine: Engine, family: Family, variant: Variant, rooms: tuple[Room, ...]
    ) -> dict[str, Any]:
        spec = _spec(engine, family, variant)
        memory = self._fit.estimates(spec, variant, _machines(rooms))
        room = max((one.largest(spec) for one in rooms), default=0)
        entry: dict[str, Any] = {
            "model_name": family.name,
            "model_format": peer.format_name(variant.format),
            "quantizations": list(variant.quantizations()),
            "memory_bytes": memory,
            "too_large": {
                name: f"needs {gib(needed)}, and the freest node has {gib(room)} free"
                for name, needed in memory.items()
                if needed > room
            },
        }
        if family.kind is Kind.LLM:
            entry["model_size_in_billions"] = peer.size(variant.size)
        projectors = [name for place in variant.sources.values() for name in place.projectors]
        if projectors:
            entry["multimodal_projectors"] = list(dict.fromkeys(projectors))
        return entry


def _machines(rooms: tuple[Room, ...]) -> tuple[Machine, ...]:
    return tuple(one.machine for one in rooms)


def _spec(engine: Engine, family: Family, variant: Variant) -> ModelSpec:
    """As it would be launched, as far as an engine's verdict depends on it."""
    return ModelSpec(
        uid="candidate",
        engine=engine.name,
        kind=ModelKind(family.kind),
        source=Source(hub=Hub.HUGGINGFACE, ref=family.name),
        family=family.name,
        format=variant.format,
        size=variant.size,
        quantization=variant.quantizations()[0],
    )


def _missing(engine: Engine, machines: tuple[Machine, ...]) -> str:
    """Why no machine has the engine; empty when one has it."""
    said: list[Mapping[str, str]] = [machine.missing for machine in machines]
    if not said or any(engine.name not in each for each in said):
        return ""
    return said[0][engine.name]


def _formats(engine: Engine) -> str:
    return ", ".join(str(peer.format_name(name)) for name in engine.traits.formats)
