"""`/v1/recipe`: the desired state, read and applied."""

from __future__ import annotations

import re

import falcon
import msgspec

from xinfer.api.schemas import body
from xinfer.api.schemas.recipe import RecipeBody, RecipeReply
from xinfer.errors import Invalid
from xinfer.services.recipes import Recipes

_REVISION = re.compile(r"[0-9]{1,18}\Z")


class Recipe:
    """GET what is desired, PUT the models of recipes. The ETag is the revision of the whole."""

    def __init__(self, recipes: Recipes) -> None:
        self._recipes = recipes

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        current = self._recipes.current()
        _reply(resp, RecipeReply.of(current), current.revision)

    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        given = body.read(req, RecipeBody, "recipe")
        changes = self._recipes.apply(given.models, given.recipe, _expected(req, given))
        _reply(resp, changes, changes.revision)


def _expected(req: falcon.Request, given: RecipeBody) -> int | None:
    """The revision that `If-Match` or the body names. Raises Invalid when they disagree."""
    tags = req.if_match
    if not tags or tags == ["*"]:
        return given.expected
    if len(tags) > 1 or not _REVISION.match(str(tags[0])):
        raise Invalid(
            "If-Match: this is not the ETag of a recipe.",
            "Send back what GET /v1/recipe answered.",
            key="If-Match",
        )
    revision = int(tags[0])
    if given.expected not in {None, revision}:
        raise Invalid("If-Match and expected name two revisions.", key="expected")
    return revision


def _reply(resp: falcon.Response, said: object, revision: int) -> None:
    resp.content_type = falcon.MEDIA_JSON
    resp.etag = str(revision)
    resp.data = msgspec.json.encode(said)
