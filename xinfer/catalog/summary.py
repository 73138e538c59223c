"""A family in a few lines, for lists that are searched as one types."""

from __future__ import annotations

from typing import Any

from xinfer.catalog import peer
from xinfer.catalog.family import Family


def summary(family: Family) -> dict[str, Any]:
    """Names in the public spelling; sizes in billions of parameters, as text."""
    return {
        "model_name": family.name,
        "model_type": str(family.kind),
        "is_builtin": family.builtin,
        "model_description": family.description or None,
        "model_ability": peer.abilities(family),
        "model_family": family.family or None,
        "multilingual": family.multilingual,
        "featured": family.featured,
        "languages": list(family.languages),
        "context_length": family.context_length or family.max_tokens,
        "dimensions": family.dimensions,
        "sizes": list(dict.fromkeys(each.size for each in family.variants if each.size)),
        "formats": list(dict.fromkeys(str(peer.format_name(v.format)) for v in family.variants)),
        "hubs": sorted({hub for variant in family.variants for hub in variant.sources}),
    }
