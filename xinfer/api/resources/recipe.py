"""`/v1/recipe`: the desired state, read and applied."""

from __future__ import annotations

import falcon
import msgspec

from xinfer.domain.model import ModelSpec
from xinfer.errors import Invalid
from xinfer.services.recipes import Recipes


class RecipeBody(msgspec.Struct, kw_only=True):
    """`expected` is the revision that the change is based on; None applies to whatever is there."""

    recipe: str = ""
    models: list[ModelSpec]
    expected: int | None = None


class Recipe:
    """GET what is desired, PUT the models of recipes."""

    def __init__(self, recipes: Recipes) -> None:
        self._recipes = recipes

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        desired = self._recipes.current()
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode(
            {
                "recipe": desired.recipe,
                "revision": desired.revision,
                "models": list(desired.models.values()),
            }
        )

    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        try:
            body = msgspec.json.decode(req.bounded_stream.read(), type=RecipeBody)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Invalid(f"The recipe cannot be read: {error}.", key="body") from error
        changes = self._recipes.apply(body.models, body.recipe, body.expected)
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode(changes)
