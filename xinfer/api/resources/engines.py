"""`/v1/engines`: what engines there are, and which of them can run a model here."""

from __future__ import annotations

from typing import Any

import falcon

from xinfer.api import quirks
from xinfer.services.offers import Offers


class Engines:
    """`{first}` is a kind where a name follows, else a name of a text model."""

    def __init__(self, offers: Offers) -> None:
        self._offers = offers

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = self._offers.engines()

    def on_get_text(self, _req: falcon.Request, resp: falcon.Response, first: str) -> None:
        _write(resp, self._offers.of("LLM", first))

    def on_get_kind(
        self, _req: falcon.Request, resp: falcon.Response, first: str, name: str
    ) -> None:
        _write(resp, self._offers.of(first, name))


def _write(resp: falcon.Response, found: dict[str, Any] | None) -> None:
    if found is None:
        quirks.null(resp)
    else:
        resp.media = found
