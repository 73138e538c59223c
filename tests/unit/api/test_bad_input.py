"""Input that once broke the server, or got further than it should: each is refused in words."""

from __future__ import annotations

from typing import Any

import falcon.testing
import pytest

LAUNCH = {"model_name": "m", "model_engine": "free"}
SPEC = {"uid": "m", "engine": "free"}
HUGE = 10**30
NINES = "9" * 5000


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/audit/search?before={HUGE}",
        f"/v1/audit/search?before={2**63}",
        "/v1/usage?key=%00",
        "/v1/models/%00/events",
        f"/v1/models/m/logs?tail={HUGE}",
        "/v1/models/m/logs?follow=",
        "/v1/cluster/info?detailed=maybe",
        "/v1/model_registrations/LLM?detailed=",
    ],
)
def test_addresses(api: falcon.testing.TestClient, path: str) -> None:
    assert_refused(api.simulate_get(path))


@pytest.mark.parametrize(
    "more",
    [
        {"replica": "²"},
        {"replica": NINES},
        {"replica": HUGE},
        {"replica": 1001},
        {"n_gpu": "²"},
        {"memory": "²"},
        {"memory": NINES},
        {"memory": f"{NINES}GiB"},
        {"envs": {"": "x"}},
        {"envs": {"A=B": "x"}},
        {"envs": {"A": "x\0"}},
        {"extra_args": ["\0"]},
        {"gpu_idx": -1},
    ],
    ids=str,
)
def test_launches(api: falcon.testing.TestClient, more: dict[str, Any]) -> None:
    assert_refused(api.simulate_post("/v1/models", json={**LAUNCH, **more}))


@pytest.mark.parametrize(
    "more",
    [
        {"replicas": -1},
        {"replicas": HUGE},
        {"memory_bytes": -1},
        {"launch_timeout_s": -1},
        {"drain_timeout_s": -1},
        {"limits": {"max_in_flight": 0}},
        {"limits": {"max_queue": -1}},
        {"limits": {"queue_timeout_s": -1}},
        {"restart": {"max_failures": 0}},
        {"restart": {"backoff_s": -1}},
        {"restart": {"backoff_max_s": -1}},
        {"placement": {"n_gpu": -1}},
        {"placement": {"gpu_idx": [-1]}},
        {"env": {"=": "x"}},
    ],
    ids=str,
)
def test_recipes(api: falcon.testing.TestClient, more: dict[str, Any]) -> None:
    assert_refused(api.simulate_put("/v1/recipe", json={"models": [{**SPEC, **more}]}))


def test_more_replicas_than_any_model_may_have(api: falcon.testing.TestClient) -> None:
    begun = api.simulate_post("/v1/models?wait_ready=false", json=LAUNCH)
    assert begun.status_code == 200, begun.text
    assert_refused(api.simulate_post("/v1/models/m/replicas", json={"replica": 10**12}))


def test_an_etag_of_odd_digits(api: falcon.testing.TestClient) -> None:
    headers = {"If-Match": '"\xb2"'}
    assert_refused(api.simulate_put("/v1/recipe", json={"models": []}, headers=headers))


def test_a_backslash_before_what_looks_like_nul_is_just_text(
    api: falcon.testing.TestClient,
) -> None:
    body = {"model": r"\u0000 is written so"}
    reply = api.simulate_post("/v1/model_registrations/LLM", json=body)
    assert "U+0000" not in reply.text


def assert_refused(reply: falcon.testing.Result) -> None:
    assert reply.status_code == 400, reply.text
    assert "engine" not in reply.json["detail"], "this was refused for another reason"


@pytest.mark.parametrize("path", ["/token", "/v1/models", "/v1/admin/users", "/v1/cache/models"])
def test_depth(api: falcon.testing.TestClient, path: str) -> None:
    """Also where nobody has logged in yet."""
    body = f'{{"username": "a", "x": {"[" * 5_000}{"]" * 5_000}}}'
    assert_refused(api.simulate_post(path, body=body))


@pytest.mark.parametrize("path", ["/token", "/v1/auth/refresh", "/v1/auth/logout"])
def test_who_has_not_logged_in_is_not_listened_to_for_long(
    api: falcon.testing.TestClient, path: str
) -> None:
    given = {"username": "x" * 20_000, "password": "x", "refresh_token": "x"}
    assert api.simulate_post(path, json=given).status_code == 413
