"""The parts of paths that vary."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
"""One in the template of a route; its converter is of no interest to callers."""

ModelType = Literal["LLM", "embedding", "rerank", "image", "audio", "video"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathParameter:
    """`kind` is a type that msgspec can describe."""

    doc: str
    kind: Any = str


PATH_PARAMETERS: Mapping[str, PathParameter] = {
    "uid": PathParameter(doc="The uid of a model."),
    "index": PathParameter(doc="The number of a replica.", kind=int),
    "request_id": PathParameter(doc="The X-Request-ID of a request."),
    "kind": PathParameter(doc="The type of models.", kind=ModelType),
    "name": PathParameter(doc="The name of a model in the catalog."),
    "first": PathParameter(doc="The type of models where a name follows, else a model's name."),
    "cache_uid": PathParameter(doc="The uid of a download."),
    "user_id": PathParameter(doc="The number of a user."),
    "key_id": PathParameter(doc="The number of an API key."),
    "node": PathParameter(doc="The name of a node."),
    "path": PathParameter(doc="A file."),
}
"""By name: one name means the same in every path."""
