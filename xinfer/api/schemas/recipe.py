"""The bodies of `/v1/recipe`."""

from __future__ import annotations

import msgspec

from xinfer.domain.model import ModelSpec
from xinfer.domain.state import Desired


class RecipeBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`expected` is the revision that the change is based on; None applies to whatever is there."""

    recipe: str = ""
    models: list[ModelSpec]
    expected: int | None = None


class RecipeReply(msgspec.Struct, kw_only=True):
    """`drift` names the models that are not, or no longer, as the recipe declared them."""

    recipe: str
    revision: int
    models: list[ModelSpec]
    drift: tuple[str, ...]

    @classmethod
    def of(cls, desired: Desired) -> RecipeReply:
        """The desired state as the API shows it."""
        return cls(
            recipe=desired.recipe,
            revision=desired.revision,
            models=list(desired.models.values()),
            drift=desired.drift(),
        )
