"""From the name of a family to the files of one variant of it, for an engine that can read them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from xinfer.catalog import match
from xinfer.catalog.builtin import Builtin
from xinfer.catalog.custom import parse
from xinfer.catalog.family import UNSERVED, Family, Kind
from xinfer.catalog.footprint import footprint
from xinfer.catalog.hubs.path import find
from xinfer.catalog.registry import Registry
from xinfer.domain.model import Footprint, Hub, ModelKind, ModelSpec, Source
from xinfer.domain.ports import Engines, RegistrationStore
from xinfer.domain.registration import Registration
from xinfer.errors import Invalid, NotFound

log = logging.getLogger("xinfer.catalog")

_HUBS = ("huggingface", "modelscope")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A spec with its files named. `family` and `needs` are None for one that brings a source."""

    spec: ModelSpec
    family: Family | None = None
    needs: Footprint | None = None


class Families:
    """`hub` is the preferred one: huggingface, modelscope, or auto (whichever is reached)."""

    def __init__(
        self,
        engines: Engines,
        registrations: RegistrationStore | None = None,
        *,
        hub: str = "auto",
        builtin: Builtin | None = None,
    ) -> None:
        self._engines = engines
        self._registrations = registrations
        self._hub = hub
        self._builtin = builtin or Builtin()
        self._kept: tuple[tuple[Registration, ...], Registry] | None = None

    def registry(self) -> Registry:
        """All families as they are now."""
        known = self._registrations.registrations() if self._registrations is not None else ()
        if self._kept is None or self._kept[0] != known:
            builtin = self._builtin.families(Kind.LLM)
            custom = [_parsed(one, builtin) for one in known]
            families = [family for family in custom if family is not None]
            self._kept = (known, Registry(self._builtin, families))
        return self._kept[1]

    def resolve(self, spec: ModelSpec, *, hub: str | None = None) -> Resolved:
        """The spec with kind, format, size, quantization and source filled in from its family.

        A spec that has a source, or whose engine loads no files, stays as it is. `hub` is that of
        this one model. Raises NotFound with the nearest names or values, Invalid for a kind that
        nothing here can run or a family that the engine cannot.
        """
        engine = self._engines.get(spec.engine)
        traits = engine.traits
        if spec.source is not None or not traits.needs_source:
            return Resolved(spec=spec)
        name = spec.family or spec.uid
        family = self._find(name, spec.kind, traits.kinds)
        if ModelKind(family.kind) not in traits.kinds:
            raise Invalid(
                f"'{name}' is a model of type {family.kind}, which engine '{engine.name}' does not"
                " serve.",
                f"It serves {', '.join(traits.kinds)}.",
                key="model_engine",
            )
        return self._chosen(spec, family, traits.formats, hub)

    def find(self, spec: ModelSpec, *, hub: str | None = None) -> Resolved:
        """Like `resolve` for a spec without an engine: any format will do.

        Raises NotFound with the nearest names or values, Invalid for a kind that nothing here runs.
        """
        if spec.source is not None:
            return Resolved(spec=spec)
        family = self._find(spec.family or spec.uid, spec.kind, tuple(ModelKind))
        return self._chosen(spec, family, (), hub)

    def _chosen(
        self, spec: ModelSpec, family: Family, formats: tuple[str, ...], hub: str | None
    ) -> Resolved:
        wish = match.Wish(
            format=spec.format, size=spec.size, quantization=spec.quantization, formats=formats
        )
        choice = match.choose(family, wish, self._preferred(hub))
        source = match.source(choice, _projector(spec))
        if hub not in {None, "", "auto"}:
            # Who names a hub for one model does not want the files from elsewhere.
            source = replace(source, mirrors=())
        return Resolved(
            spec=replace(
                spec,
                kind=ModelKind(family.kind),
                family=spec.family or spec.uid,
                format=choice.variant.format,
                size=choice.variant.size,
                quantization=choice.quantization,
                source=source,
            ),
            family=family,
            needs=footprint(choice.variant, choice.quantization),
        )

    def needs(self, spec: ModelSpec) -> Footprint | None:
        """What the files of a spec need that are on this machine, or the variant that it names.

        None when there are no such files here, and the catalog does not know it.
        """
        if spec.source is not None and spec.source.hub is Hub.PATH:
            return self._weighed(spec, spec.source)
        family = self.of(spec)
        for variant in family.variants if family is not None else ():
            if (variant.format, variant.size) == (spec.format, spec.size):
                return footprint(variant, spec.quantization or "none")
        return None

    def _weighed(self, spec: ModelSpec, source: Source) -> Footprint | None:
        """Nothing is known of files that are elsewhere, or are no model: the worker says that."""
        weigh = self._engines.get(spec.engine).traits.weigh
        if weigh is None:
            return None
        try:
            return weigh(spec, find(source))
        except (Invalid, NotFound, OSError) as error:
            log.debug("%s was not weighed: %s", source.ref, error)
            return None

    def of(self, spec: ModelSpec) -> Family | None:
        """The family of a spec, if it names one that is known."""
        try:
            return self.registry().find(Kind.of(spec.kind), spec.family or spec.uid)
        except NotFound:
            return None

    def _find(self, name: str, kind: ModelKind, kinds: Sequence[ModelKind]) -> Family:
        """Of the asked kind, if the engine serves it; else of one that it does; else of any.

        LLM is what is asked when nothing is said; another kind was meant, and is not replaced.
        """
        registry, wanted = self.registry(), Kind.of(kind)
        there = registry.kinds_of(name)
        fitting = [each for each in there if each not in UNSERVED and ModelKind(each) in kinds]
        likely = fitting or there
        chosen = wanted if wanted in likely else next(iter(likely), wanted)
        if chosen in UNSERVED:
            raise Invalid(f"'{name}' cannot be launched: {UNSERVED[chosen]}.", key="model_name")
        if there and wanted not in (Kind.LLM, *there):
            raise Invalid(
                f"'{name}' is a model of type {chosen}, not {wanted}.",
                f"Ask for type {chosen}.",
                key="model_type",
            )
        return registry.find(chosen, name)

    def _preferred(self, hub: str | None) -> tuple[str, ...]:
        first = hub or self._hub
        if first in {"auto", ""}:
            return _HUBS
        if first not in _HUBS:
            # Who did not name it for this model has set it where the server runs.
            key = "download_hub" if hub else "XINFER_MODEL_SRC"
            raise Invalid(
                f"{key}: there is no hub '{first}'.", f"Known: auto, {', '.join(_HUBS)}.", key=key
            )
        return (first, *(each for each in _HUBS if each != first))


def _parsed(one: Registration, builtin: tuple[Family, ...]) -> Family | None:
    """None for one that an older version accepted and this one does not: the others stay."""
    try:
        return replace(parse(Kind.of(one.kind), one.body, builtin), version=one.version)
    except Invalid as error:
        log.warning("The registered %s model '%s' is left out: %s", one.kind, one.name, error)
        return None


def _projector(spec: ModelSpec) -> str | None:
    given = spec.options.get("mmproj")
    return str(given) if given and given != "auto" and "/" not in str(given) else None
