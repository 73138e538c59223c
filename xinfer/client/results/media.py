"""What models of pictures, sound and film answer, as Xinference's servers do."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Medium(TypedDict):
    """A picture or film: one of the two, by the `response_format` asked for."""

    url: str | None
    b64_json: str | None


class MediaList(TypedDict):
    """Those that were made; `created` is in unix seconds."""

    created: int
    data: list[Medium]


class Transcript(TypedDict):
    """What was said; `verbose_json` adds the language, the seconds, and parts with their times."""

    text: str
    task: NotRequired[str]
    language: NotRequired[str]
    duration: NotRequired[float]
    segments: NotRequired[list[dict[str, object]]]
    words: NotRequired[list[dict[str, object]]]


class AudioEmbedding(TypedDict):
    """A recording as `dimensions` numbers."""

    object: str
    model: str
    dimensions: int
    embedding: list[float]
