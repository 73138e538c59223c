"""Every method of every route, read off the page of routes without starting anything."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from typing import Any

from xinfer.api.routes import Resources, routes

METHODS = ("get", "post", "put", "patch", "delete")


def _blank(cls: type) -> Any:
    """An instance that knows its methods and nothing else."""
    if not dataclasses.is_dataclass(cls):
        return cls.__new__(cls)
    hints = typing.get_type_hints(cls)
    return cls(**{item.name: _blank(hints[item.name]) for item in dataclasses.fields(cls)})


def declared() -> Iterator[str]:
    """`GET /v1/models`, and so on."""
    for path, resource, *suffix in routes(_blank(Resources)):
        tail = f"_{suffix[0]}" if suffix else ""
        for method in METHODS:
            if hasattr(resource, f"on_{method}{tail}"):
                yield f"{method.upper()} {path}"
