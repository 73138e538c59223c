"""Models as the public API describes them, with what the catalog knows of their families."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from xinfer.catalog import peer
from xinfer.catalog.family import Family, Kind
from xinfer.catalog.registry import Registry
from xinfer.domain.model import ModelKind, ModelSpec
from xinfer.domain.ports import Engines
from xinfer.errors import Invalid
from xinfer.services import description
from xinfer.services.families import Families
from xinfer.services.view import View

_SPEAKS = frozenset({"chat", "generate"})
"""Clients of Xinference refuse a text model that has neither."""

Names = Mapping[tuple[Kind, str], Family]


class Descriptions:
    """What runs, in the form of Xinference."""

    def __init__(self, families: Families, engines: Engines) -> None:
        self._families = families
        self._engines = engines
        self._kept: tuple[Registry, Names] | None = None

    def models(self, view: View, uids: Collection[str]) -> list[dict[str, Any]]:
        """Entries of `GET /v1/models`. Raises NotFound."""
        names = self._names()
        return [
            description.describe(view, uid) | self._facts(view, uid, _family(names, view.spec(uid)))
            for uid in uids
        ]

    def model(self, view: View, uid: str) -> dict[str, Any]:
        """One of them. Raises NotFound."""
        return self.models(view, (uid,))[0]

    def instances(self, view: View, uids: Collection[str]) -> list[dict[str, Any]]:
        """Entries of `GET /v1/models/instances`. Raises NotFound."""
        names = self._names()
        found = []
        for uid in uids:
            spec = view.spec(uid)
            family = _family(names, spec)
            own = {"model_version": _version(family, spec), "model_ability": _abilities(family)}
            known = {key: value for key, value in own.items() if value is not None}
            found.append(description.instance(view, uid) | known)
        return found

    def _facts(self, view: View, uid: str, family: Family | None) -> dict[str, Any]:
        spec = view.spec(uid)
        made: dict[str, Any] = {}
        if spec.format is not None:
            made["model_format"] = peer.format_name(spec.format)
        if family is not None:
            made |= {"model_ability": _abilities(family), **_by_kind(family)}
        if spec.kind is ModelKind.LLM:
            made["context_length"] = self._context(view, spec, family)
        return made

    def _context(self, view: View, spec: ModelSpec, family: Family | None) -> int | None:
        """What every replica has room for; before one runs, what was asked for, or the family's."""
        running = [
            each.status.context
            for each in view.replicas(spec.uid)
            if each.status is not None and each.status.context is not None
        ]
        if running:
            return min(running)
        try:
            option = self._engines.get(spec.engine).traits.habits.context_option
        except Invalid:
            option = ""
        asked = spec.options.get(option) if option else None
        return asked if isinstance(asked, int) else family.context_length if family else None

    def _names(self) -> Names:
        registry = self._families.registry()
        if self._kept is None or self._kept[0] is not registry:
            kinds = [Kind.of(kind) for kind in ModelKind]
            named = {(kind, one.name): one for kind in kinds for one in registry.families(kind)}
            self._kept = (registry, named)
        return self._kept[1]


def _family(names: Names, spec: ModelSpec) -> Family | None:
    return names.get((Kind.of(spec.kind), spec.family or spec.uid))


def _abilities(family: Family | None) -> list[str] | None:
    if family is None:
        return None
    known = peer.abilities(family)
    lacks = family.kind is Kind.LLM and _SPEAKS.isdisjoint(known)
    return ["chat", *known] if lacks else known


def _by_kind(family: Family) -> dict[str, Any]:
    languages = list(family.languages)
    if family.kind is Kind.EMBEDDING:
        return {
            "dimensions": family.dimensions,
            "max_tokens": family.max_tokens,
            "language": languages,
        }
    if family.kind is Kind.RERANK:
        kind = family.rerank_type or "unknown"
        return {"type": kind, "max_tokens": family.max_tokens, "language": languages}
    return {
        "model_family": family.family or family.name,
        "model_lang": languages,
        "model_description": family.description or None,
    }


def _version(family: Family | None, spec: ModelSpec) -> str | None:
    if family is None or spec.quantization is None:
        return None
    asked = (peer.format_name(spec.format), spec.size)
    for variant in family.variants:
        if (peer.format_name(variant.format), variant.size) == asked:
            return peer.version(family, variant, spec.quantization)
    return None
