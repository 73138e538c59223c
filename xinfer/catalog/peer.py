"""Families in the form that Xinference's clients read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xinfer.catalog.family import Family, Kind, Place, Variant

_MAX_DIGITS = 10
_FORMATS = {"gguf": "ggufv2"}


def brief(family: Family) -> dict[str, Any]:
    """One entry of a plain listing."""
    return {"model_name": family.name, "is_builtin": family.builtin}


def detailed(family: Family) -> dict[str, Any]:
    """The whole family, one spec for each hub and quantization."""
    specs = [one for variant in family.variants for one in _specs(family, variant)]
    return {
        "version": 2,
        "model_name": family.name,
        "is_builtin": family.builtin,
        "model_description": family.description or None,
        "model_ability": abilities(family),
        "featured": family.featured,
        **_by_kind(family),
        "model_specs": specs,
        "download_hubs": sorted({spec["model_hub"] for spec in specs}),
    }


def abilities(family: Family) -> list[str]:
    """What it can do; embedding and rerank families can do that first of all."""
    own = list(family.abilities)
    first = {Kind.EMBEDDING: "embed", Kind.RERANK: "rerank"}.get(family.kind)
    return own if first is None or first in own else [first, *own]


def format_name(name: str | None) -> str | None:
    """The public spelling of a format."""
    return _FORMATS.get(name, name) if name is not None else None


def size(value: str | None) -> int | str | None:
    """`7` as a number, `0.5` as the text `0_5`."""
    if value is None:
        return None
    return int(value) if value.isdecimal() and len(value) < _MAX_DIGITS else value.replace(".", "_")


def version(family: Family, variant: Variant, quantization: str) -> str:
    """The public name of one variant."""
    spelled = format_name(variant.format)
    if family.kind is Kind.LLM:
        return f"{family.name}--{size(variant.size)}B--{spelled}--{quantization}"
    if family.kind is Kind.EMBEDDING:
        length, width = family.max_tokens, family.dimensions
        return f"{family.name}--{length}--{width}--{spelled}--{quantization}"
    return family.name


def _by_kind(family: Family) -> dict[str, Any]:
    if family.kind is Kind.LLM:
        return {
            "context_length": family.context_length,
            "model_lang": list(family.languages),
            "model_family": family.family or family.name,
            "architectures": list(family.architectures),
            "chat_template": family.chat_template or None,
            "stop": list(family.stop),
            "stop_token_ids": list(family.stop_token_ids),
            "reasoning_start_tag": family.reasoning_start or None,
            "reasoning_end_tag": family.reasoning_end or None,
            "tool_parser": family.tool_parser or None,
        }
    if family.kind is Kind.EMBEDDING:
        return {
            "dimensions": family.dimensions,
            "max_tokens": family.max_tokens,
            "language": list(family.languages),
        }
    if family.kind is Kind.RERANK:
        return {
            "language": list(family.languages),
            "type": family.rerank_type or "unknown",
            "max_tokens": family.max_tokens,
        }
    return {
        "model_family": family.family,
        "multilingual": family.multilingual,
        "language": list(family.languages),
        "engine": family.engine or None,
        **_flat(family),
    }


def _flat(family: Family) -> dict[str, Any]:
    """The first place of the weights, and that of their GGUF form, as keys of the family."""
    found: dict[str, Any] = {}
    for variant in family.variants:
        hub, place = next(iter(variant.sources.items()))
        if variant.format == "gguf":
            found["gguf_model_id"] = place.repo
            found["gguf_quantizations"] = list(place.offered())
            found["gguf_model_file_name_template"] = place.file
        else:
            found["model_hub"] = hub
            found["model_id"] = place.repo
            found["model_revision"] = place.revision
    return found


def _specs(family: Family, variant: Variant) -> Iterator[dict[str, Any]]:
    for hub, place in variant.sources.items():
        for quantization in place.offered():
            yield _spec(family, variant, hub, place, quantization)


def _spec(
    family: Family, variant: Variant, hub: str, place: Place, quantization: str
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "model_format": format_name(variant.format),
        "quantization": quantization,
        "model_hub": hub,
        "model_id": place.repo.replace("{quantization}", quantization) or None,
        "model_revision": place.revision,
        "model_uri": place.uri or None,
        "model_version": version(family, variant, quantization),
    }
    if family.kind is Kind.LLM:
        spec["model_size_in_billions"] = size(variant.size)
        spec["activated_size_in_billions"] = size(variant.active_size)
    if variant.format == "gguf":
        spec["model_file_name_template"] = place.file
        spec["model_file_name_split_template"] = place.split_file or None
        spec["quantization_parts"] = {name: list(parts) for name, parts in place.parts.items()}
        spec["multimodal_projectors"] = list(place.projectors) or None
    if place.draft_repo:
        spec["draft_model_id"] = place.draft_repo
        spec["draft_quantizations"] = list(place.draft_quantizations) or None
        spec["draft_model_file_name_template"] = place.draft_file or None
    return spec
