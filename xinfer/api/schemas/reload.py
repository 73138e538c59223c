"""The body of `POST /v1/models/{uid}/reload`: options of a model that runs, to be others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from xinfer.api.schemas.launch import LaunchBody
from xinfer.api.schemas.translation import translated
from xinfer.errors import Invalid

_OPTIONS = "engine_kwargs"
_FIXED = frozenset(LaunchBody.__struct_fields__) - {_OPTIONS}


class ReloadBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`model_config` has options of the engine by name; null takes one back to its default.

    `drain_timeout`: seconds that requests have to end on a replica that is replaced, from now on
    those of the model; without it, as long as the model says.
    """

    model_config: dict[str, Any]
    drain_timeout: Annotated[float, Meta(gt=0, le=3600)] | None = None
    python_executable: str | None = None


def options(given: ReloadBody, engine: str) -> dict[str, Any]:
    """The options to change, None for those to take back. Raises Invalid for what is no option."""
    if given.python_executable is not None:
        raise Invalid(
            "python_executable: a reload keeps the interpreter.",
            "Set engine.<name>.env in the recipe.",
            key="python_executable",
        )
    loose = dict(given.model_config)
    fixed = sorted(loose.keys() & _FIXED)
    if fixed:
        key = f"model_config.{fixed[0]}"
        raise Invalid(
            f"{key}: a reload changes options of the engine only.",
            "For another model, or another place, declare it anew: POST /v1/autostart/models.",
            key=key,
        )
    nested = loose.pop(_OPTIONS, None) or {}
    if not isinstance(nested, Mapping):
        raise Invalid(f"model_config.{_OPTIONS}: it must be an object.", key=_OPTIONS)
    asked = {**nested, **loose}
    taken_back = {name: None for name, value in asked.items() if value is None}
    return {**taken_back, **translated(engine, asked)}
