"""The access matrix: every route and every kind of caller, against a running installation."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.secured import RECIPE, Secured, bearer
from tests.process.appliance import wait_until
from xinfer.api.scopes import ACCESS, Need
from xinfer.domain.identity import IMPLIED, Scope

SECURED = sorted((route, need) for route, need in ACCESS.items() if need is not Need.PUBLIC)
SCOPED = [(route, need) for route, need in SECURED if isinstance(need, Scope)]
OF_MODELS = [(route, need) for route, need in SCOPED if "{uid}" in route]
INFERENCE = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/rerank")
PASSWORD = "a password that nobody should read"
PROMPT = "a prompt that nobody should read"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = Secured(tmp_path_factory.mktemp("secured"), RECIPE)
    made.start()
    made.wait_ready({"a": 1, "b": 1})
    yield made
    made.destroy()


def request_of(route: str) -> tuple[str, str]:
    """Method and path, about the model `a` or things that are not there."""
    method, _, path = route.partition(" ")
    return method, re.sub(r"\{[^}]*\}", "999999", path.replace("{uid}", "a"))


def without(scope: Scope) -> list[str]:
    """Every scope but those that bring this one along."""
    return [one.value for one in Scope if one is not scope and scope not in IMPLIED.get(one, ())]


@pytest.fixture(scope="module")
def keys(server: Secured) -> dict[str, str]:
    """A key for each need, which lacks just that, and some that are no good."""
    made = {f"without {need}": server.key("k", scopes=without(need))[1] for need in Scope}
    short = {"name": "short", "scopes": ["admin"], "expires_at": time.time() + 1}
    made["expired"] = server.request("POST", "/v1/admin/keys", short)[1]["key"]
    revoked, made["revoked"] = server.key("revoked", scopes=["admin"])
    disabled, made["disabled"] = server.key("disabled", scopes=["admin"])
    every = [scope.value for scope in Scope if scope is not Scope.ADMIN]
    made["other model"] = server.key("other", scopes=every, model_permissions=["b"])[1]
    assert server.request("DELETE", f"/v1/admin/keys/{revoked}")[0] == 200
    off = server.request("PUT", f"/v1/admin/keys/{disabled}", {"enabled": False})
    assert off[0] == 200
    for name in ("expired", "revoked", "disabled"):
        server.await_everywhere(made[name], 401)
    made["wrong"] = "xf-" + "0" * 48
    return made


@pytest.mark.parametrize("route", [route for route, _ in SECURED])
def test_no_route_answers_without_a_valid_key(
    server: Secured, keys: dict[str, str], route: str
) -> None:
    for kind in (None, "wrong", "expired", "revoked", "disabled"):
        reply = server.call(*request_of(route), keys[kind] if kind else None, {})
        assert (kind, reply.status) == (kind, 401), reply.said
        assert reply.headers["www-authenticate"].startswith("Bearer")
        assert not kind or keys[kind] not in reply.said


@pytest.mark.parametrize(("route", "need"), SCOPED)
def test_a_key_without_the_scope_is_told_which_one(
    server: Secured, keys: dict[str, str], route: str, need: Scope
) -> None:
    reply = server.call(*request_of(route), keys[f"without {need}"], {})
    assert reply.status == 403, reply.said
    assert f"'{need}'" in reply.said


@pytest.mark.parametrize(("route", "need"), OF_MODELS)
def test_a_key_for_another_model_is_told_so(
    server: Secured, keys: dict[str, str], route: str, need: Scope
) -> None:
    reply = server.call(*request_of(route), keys["other model"], {})
    assert reply.status == 403, reply.said
    assert need is Scope.ADMIN or "model 'a'" in reply.said


@pytest.mark.parametrize("path", INFERENCE)
def test_inference_with_another_models_key_or_over_the_limit(
    server: Secured, keys: dict[str, str], path: str
) -> None:
    refused = server.call("POST", path, keys["other model"], {"model": "a", "input": "x"})
    assert refused.status == 403
    assert "model 'a'" in refused.said
    _, key = server.key("limited", rate_limit_requests_per_minute=2)
    replies = [server.call("POST", path, key, {"model": "a", "input": "x"}) for _ in range(12)]
    limited = [reply for reply in replies if reply.status == 429]
    assert len(replies) - len(limited) <= 2, "each of the two processes lets its share through"
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in limited)
    assert all("2 requests per minute" in reply.said for reply in limited)


@pytest.mark.parametrize("route", [route for route in ACCESS if route.startswith("GET")])
def test_the_needed_scope_alone_opens_what_only_reads(server: Secured, route: str) -> None:
    need = ACCESS[route]
    if need is Need.ROLE or "logs" in route:
        return
    scopes = [need.value] if isinstance(need, Scope) else ["models:list"]
    key = None if need is Need.PUBLIC else server.key("reader", scopes=scopes)[1]
    assert server.call(*request_of(route), key).status not in (401, 403)


def test_tokens_over_the_limit_wait_for_the_next_minute(server: Secured) -> None:
    _, key = server.key("talker", rate_limit_tokens_per_minute=4)
    ask = {"model": "a", "messages": [{"role": "user", "content": "one two three four five"}]}
    replies = [server.call("POST", "/v1/chat/completions", key, ask) for _ in range(12)]
    assert {reply.status for reply in replies} == {200, 429}
    assert "4 tokens per minute" in next(one.said for one in replies if one.status == 429)
    _, key = server.key("saver", quota_tokens_per_month=5)

    def used_up() -> bool:
        reply = server.call("POST", "/v1/chat/completions", key, ask)
        return reply.status == 429 and "5 tokens per month" in reply.said

    wait_until("the month's quota is used up", used_up)


def test_a_session_of_a_user_in_every_process(server: Secured) -> None:
    ann = {"username": "ann", "password": PASSWORD, "permissions": ["models:list", "models:read"]}
    status, made = server.request("POST", "/v1/admin/users", ann)
    assert status == 201
    login = {"username": "ann", "password": PASSWORD}
    _, session = server.request("POST", "/token", login, {})
    token = session["access_token"]
    server.await_everywhere(token, 200)
    assert server.call("GET", "/v1/models", token).status == 200
    assert server.call("DELETE", "/v1/models/a", token).status == 403
    off = server.request("PUT", f"/v1/admin/users/{made['id']}", {"enabled": False})
    assert off[0] == 200
    server.await_everywhere(token, 401)
    assert server.request("POST", "/token", login, {})[0] == 401


def test_usage_is_kept_by_key_and_survives_a_kill(server: Secured) -> None:
    key_id, key = server.key("counted")
    ask = {"model": "a", "messages": [{"role": "user", "content": PROMPT}]}
    stream = ask | {"stream": True}
    for body in (ask, stream, ask):
        assert server.call("POST", "/v1/chat/completions", key, body).status == 200

    def requests() -> int:
        status, body = server.request("GET", f"/v1/usage?key=key:{key_id}")
        lines = body["data"] if status == 200 else []
        return sum(line["requests"] for line in lines)

    wait_until("three requests are in the ledger", lambda: requests() == 3)
    _, own = server.request("GET", "/v1/usage", headers=bearer(key))
    ((line),) = own["data"]
    assert (line["name"], line["model"]) == ("counted", "a")
    assert line["tokens_in"] >= 3 * 6
    assert line["tokens_out"] >= 3 * 6
    for process in server.processes("supervisor"):
        process.kill()
    wait_until("the ledger is back", lambda: requests() == 3)
    assert server.call("POST", "/v1/chat/completions", key, ask).status == 200
    wait_until("counting goes on", lambda: requests() == 4)


def test_no_log_shows_a_key_a_password_or_a_prompt(server: Secured, keys: dict[str, str]) -> None:
    server.request("POST", "/token", {"username": "eve", "password": PASSWORD}, {})
    server.call("GET", f"/v1/models?api_key={keys['other model']}", keys["other model"])
    texts = [server.output.read_bytes()]
    texts += [path.read_bytes() for path in Path(server.home).rglob("*.log*") if path.is_file()]
    texts.append((server.home / "state" / "xinfer.db").read_bytes())
    secrets = [*keys.values(), server.admin_key, PASSWORD, PROMPT]
    for text in texts:
        for secret in secrets:
            assert secret.encode() not in text
    for name in ("admin.key", "token.secret", "cluster.token"):
        assert (server.home / "run" / name).stat().st_mode & 0o777 == 0o600
