"""Families that users register, checked in full: a mistake is named by its key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from xinfer.catalog import form
from xinfer.catalog.builtin import Builtin
from xinfer.catalog.family import UNSERVED, Family, Kind
from xinfer.catalog.spec import Spot, merged, variant
from xinfer.domain.names import did_you_mean
from xinfer.errors import Invalid

_NAME = re.compile(r"[^+\\/?%#&=\s]{1,200}\Z")
_ABILITIES: Mapping[Kind, tuple[str, ...]] = {
    Kind.LLM: (
        *("embed", "generate", "chat", "tools", "vision", "audio", "omni", "reasoning", "hybrid"),
    ),
    Kind.EMBEDDING: ("embed", "embed_vision", "embed_video", "embed_audio"),
    Kind.RERANK: ("rerank", "rerank_vision", "rerank_video", "rerank_audio"),
}


def parse(
    kind: Kind, model: str | Mapping[str, Any], builtin: Iterable[Family] | None = None
) -> Family:
    """The family that `model` (JSON or YAML, or read already) registers.

    `builtin` are the families of type LLM that ship with xinfer, which it may lean on; by default
    they are read. Raises Invalid with the full key at fault.
    """
    if kind in UNSERVED:
        raise Invalid(
            f"model_type: a custom {kind} model cannot be registered: {UNSERVED[kind]}.",
            key="model_type",
        )
    given = form.read(kind, model)
    _check_version(given.version)
    _check_name(given.model_name)
    if not given.model_specs:
        raise _fault("model_specs", "it is empty", "Give at least one.")
    family = Family(
        name=given.model_name,
        kind=kind,
        description=given.model_description or "",
        variants=merged(
            variant(Spot(kind=kind, key=f"model_specs[{place}]"), spec)
            for place, spec in enumerate(given.model_specs)
        ),
        builtin=False,
    )
    if isinstance(given, form.TextForm):
        known = Builtin().families(Kind.LLM) if builtin is None else builtin
        return _text(family, given, {one.name: one for one in known})
    family = replace(
        family,
        languages=tuple(given.language),
        abilities=_abilities(kind, given.model_ability or ()),
        max_tokens=given.max_tokens,
    )
    if isinstance(given, form.RerankForm):
        return replace(family, rerank_type=given.type)
    return replace(family, dimensions=given.dimensions)


def _text(family: Family, given: form.TextForm, known: Mapping[str, Family]) -> Family:
    abilities = _abilities(Kind.LLM, given.model_ability)
    if not given.model_family:
        raise _fault("model_family", "it is empty", "Name the family whose weights these are.")
    for ability in ("tools", "vision"):
        able = [one.name for one in known.values() if ability in one.abilities]
        if ability in abilities and given.model_family not in able:
            raise _fault(
                "model_family",
                f"'{given.model_family}' is no built-in family with the ability {ability}, which"
                " model_ability claims",
                did_you_mean(given.model_family, able),
            )
    base = known.get(given.model_family)
    if base is not None and "vision" in base.abilities and "vision" not in abilities:
        abilities = (*abilities, "vision")
    return replace(
        _styled(family, given, known),
        abilities=abilities,
        languages=tuple(given.model_lang),
        context_length=given.context_length,
        family=given.model_family,
        architectures=tuple(given.architectures or (base.architectures if base else ())),
        tool_parser=given.tool_parser or (base.tool_parser if base else ""),
    )


def _styled(family: Family, given: form.TextForm, known: Mapping[str, Family]) -> Family:
    """How it talks: a style by name brings its own marks, that of the family fills gaps."""
    chats = {name: one for name, one in known.items() if "chat" in one.abilities}
    template = given.chat_template or ""
    style = chats.get(template)
    if style is not None:
        return replace(
            family,
            stop=style.stop,
            stop_token_ids=style.stop_token_ids,
            reasoning_start=style.reasoning_start,
            reasoning_end=style.reasoning_end,
        )
    if template and "{" not in template:
        raise _fault(
            "chat_template",
            f"'{template[:60]}' is neither a template nor a built-in family that chats",
            did_you_mean(template, chats),
        )
    base = chats.get(given.model_family, family)
    return replace(
        family,
        chat_template=template,
        stop=base.stop if given.stop is None else tuple(given.stop),
        stop_token_ids=(
            base.stop_token_ids if given.stop_token_ids is None else tuple(given.stop_token_ids)
        ),
        reasoning_start=given.reasoning_start_tag or base.reasoning_start,
        reasoning_end=given.reasoning_end_tag or base.reasoning_end,
    )


def _abilities(kind: Kind, given: Sequence[str]) -> tuple[str, ...]:
    known = _ABILITIES[kind]
    for place, name in enumerate(given):
        if name not in known:
            raise _fault(
                f"model_ability[{place}]",
                f"there is no ability '{name}'",
                did_you_mean(name, known),
            )
    return tuple(given)


def _check_version(version: int) -> None:
    if version != 2:
        raise _fault("version", f"{version} is not 2", "Only the form of version 2 is read.")


def _check_name(name: str) -> None:
    # It becomes a part of addresses, which have a longest length, and of lists that people read.
    if name in {".", ".."} or not _NAME.match(name) or not name.isprintable():
        raise _fault(
            "model_name",
            f"{name[:60]!r}{'...' if len(name) > 60 else ''} is not a name",
            "Use up to 200 letters, digits and signs other than + \\ / ? % # & = and spaces.",
        )


def _fault(key: str, what: str, hint: str = "") -> Invalid:
    return Invalid(f"{key}: {what}.", hint, key=key)
