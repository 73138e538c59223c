"""`/v1/recipe`: the desired state, read and applied."""

from __future__ import annotations

import falcon
import msgspec

from xinfer.api.schemas import body
from xinfer.api.schemas.recipe import RecipeBody, RecipeReply
from xinfer.services.recipes import Recipes


class Recipe:
    """GET what is desired, PUT the models of recipes."""

    def __init__(self, recipes: Recipes) -> None:
        self._recipes = recipes

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode(RecipeReply.of(self._recipes.current()))

    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        given = body.read(req, RecipeBody, "recipe")
        changes = self._recipes.apply(given.models, given.recipe, given.expected)
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode(changes)
