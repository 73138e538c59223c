"""Model families: list, look up, register, unregister."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from xinfer.catalog import peer
from xinfer.catalog.custom import parse
from xinfer.catalog.family import UNSERVED, Family, Kind
from xinfer.catalog.form import check_spelling
from xinfer.catalog.summary import summary
from xinfer.domain.ports import RegistrationStore
from xinfer.errors import Conflict, Invalid, NotFound
from xinfer.services.families import Families

Names = list[str]
Entries = list[dict[str, Any]]

_ABILITIES = ("chat", "generate", "tools", "vision", "reasoning", "audio", "omni", "hybrid")


class Registrations:
    """`changed()` tells this process that the store changed."""

    def __init__(
        self, families: Families, store: RegistrationStore, changed: Callable[[], None]
    ) -> None:
        self._families = families
        self._store = store
        self._changed = changed

    def list(self, kind: str, *, detailed: bool) -> Entries:
        """All families of a kind, sorted. Raises Invalid for an unknown kind."""
        show = peer.detailed if detailed else peer.brief
        return [show(family) for family in self._families.registry().families(Kind.of(kind))]

    def summaries(self, kind: str) -> Entries:
        """The same families, each in a few lines. Raises Invalid for an unknown kind."""
        return [summary(family) for family in self._families.registry().families(Kind.of(kind))]

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """One family, whole. Raises Invalid, NotFound."""
        return peer.detailed(self._families.registry().find(Kind.of(kind), name))

    def register(self, kind: str, model: str | Mapping[str, Any]) -> Family:
        """Put a family of a user's in force for the whole cluster, for good.

        Raises Invalid with the key at fault, also for a name that is taken.
        """
        proper = Kind.of(kind)
        if proper not in UNSERVED:
            check_spelling(proper, model)
        family = parse(proper, model)
        if any(one.name == family.name for one in self._families.registry().families(proper)):
            raise Invalid(
                f"model_name: the name '{family.name}' of type {proper} is taken already.",
                "Choose another name, or unregister the custom one first.",
                key="model_name",
            )
        body = model if isinstance(model, str) else json.dumps(dict(model))
        try:
            self._store.register(proper, family.name, body)
        except Conflict as error:
            raise Invalid(error.message, error.hint, key="model_name") from error
        self._changed()
        return family

    def history(self, kind: str, name: str) -> Entries:
        """Every version of a custom family as it was submitted, oldest first; times in unix s.

        Raises Invalid for an unknown kind, NotFound when nothing was registered by that name.
        """
        versions = self._store.history(Kind.of(kind), name)
        if not versions:
            raise NotFound(
                f"No model '{name}' of type {Kind.of(kind)} was ever registered.",
                "`xinfer registrations` lists the families that there are.",
            )
        return [
            {
                "version": each.version,
                "registered_s": each.at_s,
                "removed_s": each.removed_s,
                "model": each.body,
            }
            for each in versions
        ]

    def unregister(self, kind: str, name: str) -> bool:
        """Whether there was such a custom family. Raises Invalid for a built-in one."""
        proper = Kind.of(kind)
        if self._store.unregister(proper, name):
            self._changed()
            return True
        if any(one.name == name for one in self._families.registry().families(proper)):
            raise Invalid(f"'{name}' ships with xinfer, to stay.", key="model_name")
        return False

    def versions(self, kind: str, name: str) -> Entries:
        """Every variant of a family by its public name. Raises Invalid, NotFound."""
        family = self._families.registry().find(Kind.of(kind), name)
        return [
            {
                "model_version": peer.version(family, variant, quantization),
                "model_format": peer.format_name(variant.format),
                "model_size_in_billions": peer.size(variant.size),
                "quantization": quantization,
                "model_hub": hub,
                "cache_status": None,
                "model_file_location": None,
            }
            for variant in family.variants
            for hub, place in variant.sources.items()
            for quantization in place.offered()
        ]

    def abilities(self) -> dict[str, Names]:
        """The names of text models by what they can do."""
        found: dict[str, Names] = {name: [] for name in _ABILITIES}
        for family in self._families.registry().families(Kind.LLM):
            for ability in family.abilities:
                if ability in found:
                    found[ability].append(family.name)
        return found

    def prompts(self) -> dict[str, dict[str, Any]]:
        """Stop words and tags of text models, by name; templates are in the models' own files."""
        return {
            family.name: {
                "chat_template": family.chat_template or None,
                "stop": list(family.stop),
                "stop_token_ids": list(family.stop_token_ids),
                "reasoning_start_tag": family.reasoning_start or None,
                "reasoning_end_tag": family.reasoning_end or None,
            }
            for family in self._families.registry().families(Kind.LLM)
            if "chat" in family.abilities
        }

    def architectures(self) -> dict[str, Names]:
        """The architectures of the catalog's text models in formats that vLLM reads."""
        found: dict[str, set[str]] = {"chat": set(), "generate": set()}
        for family in self._families.registry().families(Kind.LLM):
            if all(variant.format in {"gguf", "mlx"} for variant in family.variants):
                continue
            kind = "chat" if "chat" in family.abilities else "generate"
            found[kind].update(family.architectures)
        return {kind: sorted(names) for kind, names in found.items()}
