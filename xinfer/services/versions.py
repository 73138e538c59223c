"""From the public name of one variant back to its family, format, size and quantization."""

from __future__ import annotations

from dataclasses import dataclass

from xinfer.catalog import peer
from xinfer.catalog.family import Kind
from xinfer.domain.names import did_you_mean
from xinfer.errors import Invalid
from xinfer.services.families import Families


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a launch must name to get this variant."""

    name: str
    format: str
    size: str | None
    quantization: str


class Versions:
    """The names that `GET /v1/models/{type}/{name}/versions` lists."""

    def __init__(self, families: Families) -> None:
        self._families = families

    def find(self, kind: str, version: str) -> Version:
        """Raises Invalid with the nearest name."""
        known: dict[str, Version] = {}
        for family in self._families.registry().families(Kind.of(kind)):
            for variant in family.variants:
                for place in variant.sources.values():
                    for quantization in place.offered():
                        found = Version(
                            name=family.name,
                            format=variant.format,
                            size=variant.size,
                            quantization=quantization,
                        )
                        known.setdefault(peer.version(family, variant, quantization), found)
        if version not in known:
            raise Invalid(
                f"There is no model version '{version}'.",
                did_you_mean(version, known)
                or f"GET /v1/models/{kind}/NAME/versions lists those of a model.",
                key="model_version",
            )
        return known[version]
