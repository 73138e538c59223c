"""Which handle fits a model, by its description."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from xinfer.client.call import Json


class HandleKind(StrEnum):
    """What a model can be asked to do."""

    CHAT = "chat"
    GENERATE = "generate"
    EMBEDDING = "embedding"
    RERANK = "rerank"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    WORLD = "world"
    FLEXIBLE = "flexible"


_BY_TYPE = frozenset(HandleKind) - {HandleKind.CHAT, HandleKind.GENERATE}


def handle_kind(model_uid: str, description: Mapping[str, Json]) -> HandleKind:
    """The kind of handle for a model. Raises ValueError for a model that has none."""
    model_type = description.get("model_type")
    if model_type == "LLM":
        abilities = description.get("model_ability") or ()
        for kind in (HandleKind.CHAT, HandleKind.GENERATE):
            if kind in abilities:
                return kind
        raise ValueError(f"The LLM '{model_uid}' can neither chat nor generate: {abilities}.")
    if model_type in _BY_TYPE:
        return HandleKind(model_type)
    raise ValueError(f"There is no handle for the {model_type} model '{model_uid}'.")
