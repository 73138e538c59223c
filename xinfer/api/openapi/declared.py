"""What is declared: entries that start by themselves, and recipes."""

from __future__ import annotations

from typing import Any, TypedDict

from xinfer.api.openapi.models import LAUNCH_ERRORS, LAUNCH_EXAMPLE
from xinfer.api.openapi.operation import Body, Operation
from xinfer.api.schemas.recipe import RecipeBody, RecipeReply
from xinfer.services.recipes import Changes


class AutostartEntry(TypedDict):
    """`launch` is the body of the launch; secrets are left out."""

    enabled: bool
    priority: int
    max_retries: int
    retry_interval_seconds: int
    launch: dict[str, Any]
    state: dict[str, Any]


class AutostartEntries(TypedDict):
    """Every model that is declared."""

    models: list[AutostartEntry]


class AutostartName(TypedDict):
    """One of them by uid."""

    enabled: bool
    model_uid: str


class AutostartSummary(TypedDict):
    """The uids alone."""

    models: list[AutostartName]


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/autostart/models",
        summary="List what starts by itself",
        reply=AutostartEntries,
        errors=(503,),
    ),
    Operation(
        method="POST",
        path="/v1/autostart/models",
        summary="Declare a model",
        doc="A launch, under `launch` or flat, which is not waited for.",
        body=Body(kind=dict[str, Any], example={"launch": LAUNCH_EXAMPLE}),
        reply=AutostartEntries,
        errors=LAUNCH_ERRORS,
    ),
    Operation(
        method="GET",
        path="/v1/autostart/models/summary",
        summary="List the uids of what starts by itself",
        reply=AutostartSummary,
        errors=(503,),
    ),
    Operation(
        method="DELETE",
        path="/v1/autostart/models/{uid}",
        summary="Let a model not start by itself",
        doc="It is terminated. One that is not there is no failure.",
        reply=AutostartSummary,
        errors=(409,),
    ),
    Operation(
        method="GET",
        path="/v1/recipe",
        summary="Read what is desired",
        doc="The ETag is the revision.",
        reply=RecipeReply,
        errors=(503,),
    ),
    Operation(
        method="PUT",
        path="/v1/recipe",
        summary="Apply the models of recipes",
        doc="With the ETag as If-Match, only what was read is replaced.",
        body=Body(kind=RecipeBody, example={"models": [{"uid": "chat", "engine": "echo"}]}),
        reply=Changes,
        errors=(409,),
    ),
)
