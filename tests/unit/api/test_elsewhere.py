"""Paths of Xinference that are not served: each says what there is instead, or is none at all."""

from __future__ import annotations

import falcon.testing
import pytest

from xinfer.api.quirks import ELSEWHERE

NAMED = {
    "/v1/workers/": "/v1/workers/127.0.0.1:1/relaunch",
    "/v1/token_router": "/v1/token_routers",
    "/v1/internal/token-router": "/v1/internal/token-router/x",
    "/anthropic/v1/models": "/anthropic/v1/models/chat",
    "/controlnet/": "/controlnet/detect",
}


@pytest.mark.parametrize("begin", ELSEWHERE)
def test_a_path_that_is_not_served_says_what_is(api: falcon.testing.TestClient, begin: str) -> None:
    reply = api.simulate_post(NAMED.get(begin, begin), json={})
    assert reply.status_code in (404, 405)
    assert reply.json["detail"].endswith(ELSEWHERE[begin])


def test_a_path_that_nobody_has_is_no_model(api: falcon.testing.TestClient) -> None:
    reply = api.simulate_post("/v1/models/a/b/c/d", json={})
    assert (reply.status_code, reply.json["detail"]) == (
        404,
        "There is no POST /v1/models/a/b/c/d.",
    )
    assert reply.json["error"]["code"] != "model_not_found"
