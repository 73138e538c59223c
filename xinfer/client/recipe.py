"""Calls about what is desired: the models of recipes, read and changed on top of what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xinfer.client.call import Call, Json, same

if TYPE_CHECKING:
    from xinfer.client.results.declared import Recipe, RecipeChanges


def get_recipe() -> Call[Recipe]:
    """The desired state: `recipe` (its name), `models`, `revision`, and the `drift` from it."""
    return Call(what="get the recipe", method="GET", path="/v1/recipe", decode=same)


def put_recipe(
    recipe: str, models: Sequence[Mapping[str, Json]], expected: int | None = None
) -> Call[RecipeChanges]:
    """Make `models` the recipe's models; those of an earlier recipe that are not among them go.

    Returns the uids that it `added`, `changed` and `removed`. `expected` is the revision that must
    still be current: ClientError 409 when it is not, or a uid is that of a model launched through
    the API; 400 for a model that cannot be.
    """
    return Call(
        what="put the recipe",
        method="PUT",
        path="/v1/recipe",
        body={"recipe": recipe, "models": list(models), "expected": expected},
        decode=same,
    )
