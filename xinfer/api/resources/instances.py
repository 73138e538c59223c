"""`/v1/models/instances` and `/instance`: what runs, as the peer lists it; a version launched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import falcon

from xinfer.api.schemas import body, launch
from xinfer.errors import Invalid
from xinfer.services.descriptions import Descriptions
from xinfer.services.versions import Versions
from xinfer.services.view import View

Begin = Callable[[falcon.Request, launch.Launch], str]


class Instances:
    """`begin` launches on behalf of a request and returns the uid."""

    def __init__(
        self,
        view: Callable[[], View],
        descriptions: Descriptions,
        versions: Versions,
        begin: Begin,
    ) -> None:
        self._view = view
        self._descriptions = descriptions
        self._versions = versions
        self._begin = begin

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        view = self._view()
        uid, name = req.get_param("model_uid"), req.get_param("model_name")
        allowed = req.context.principal.models
        wanted = [
            each
            for each, spec in view.desired.models.items()
            if (each == uid if uid else name in {None, spec.family or each})
            and (allowed is None or each in allowed)
        ]
        resp.media = self._descriptions.instances(view, wanted)

    def on_post_version(self, req: falcon.Request, resp: falcon.Response) -> None:
        given = body.read(req, dict[str, Any], "launch")
        version = given.pop("model_version", None)
        if not isinstance(version, str) or not version:
            raise Invalid("The launch names no model version.", key="model_version")
        found = self._versions.find(str(given.get("model_type") or "LLM"), version)
        given |= {
            "model_name": found.name,
            "model_format": found.format,
            "model_size_in_billions": found.size,
            "quantization": found.quantization,
        }
        resp.media = {"model_uid": self._begin(req, launch.of(given))}
