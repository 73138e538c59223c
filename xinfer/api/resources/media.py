"""Routes of Xinference for what no engine here does: pictures, sound, film, worlds, anything."""

from __future__ import annotations

import falcon

from xinfer.errors import Invalid, Unsupported

PATHS = {
    "images": (
        *("/v1/images/generations", "/v1/images/variations", "/v1/images/inpainting"),
        *("/v1/images/edits", "/v1/images/ocr", "/v1/images/docanalyze"),
    ),
    "audio": (
        *("/v1/audio/transcriptions", "/v1/audio/translations"),
        *("/v1/audio/speech", "/v1/audio/embeddings"),
    ),
    "video": (
        *("/v1/video/generations", "/v1/video/generations/image"),
        "/v1/video/generations/flf",
    ),
    "worlds": ("/v1/worlds/generations",),
    "flexible models": ("/v1/flexible/infers",),
    "Stable Diffusion": (
        *("/sdapi/v1/options", "/sdapi/v1/sd-models", "/sdapi/v1/samplers", "/sdapi/v1/loras"),
        *("/sdapi/v1/txt2img", "/sdapi/v1/img2img", "/sdapi/v1/upscalers"),
        *("/sdapi/v1/progress", "/sdapi/v1/interrupt"),
    ),
}
"""Paths by what an engine would have to do for them."""

READABLE = PATHS["Stable Diffusion"]
"""Those that the peer also answers to GET."""


class Media:
    """Refuses, saying what is missing. `what` is in the words of the refusal."""

    def __init__(self, what: str) -> None:
        self._what = what

    def on_post(self, _req: falcon.Request, _resp: falcon.Response) -> None:
        raise Unsupported(
            f"There is no engine for {self._what} here.",
            "Models for chat, completions, embeddings and rerank are served.",
        )


class RequestProgress:
    """`/v1/requests/{request_id}/progress`: only pictures and films have one there."""

    def on_get(self, _req: falcon.Request, _resp: falcon.Response, request_id: str) -> None:
        raise Invalid(
            f"No progress of a request '{request_id}' is known.",
            "Text comes as it is made: ask for a stream.",
            key="request_id",
        )


class ReadableMedia(Media):
    """Those of READABLE."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self.on_post(req, resp)
