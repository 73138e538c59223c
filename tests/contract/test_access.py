"""Limits, revocation, sessions, usage and logs of a running installation that asks for keys."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from tests.contract.checked import fits
from tests.contract.official import connect
from tests.contract.secured import RECIPE, Secured, bearer
from tests.process.appliance import wait_until
from xinfer.client.access import login, logout, refresh
from xinfer.client.results.access import SessionTokens

PASSWORD = "a password that nobody should read"
PROMPT = "a prompt that nobody should read"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """It logs all that can be logged."""
    folder = tmp_path_factory.mktemp("secured")
    made = Secured(folder, RECIPE, "log.level=debug", "gateway.access_log=true")
    made.start()
    made.wait_ready({"a": 1, "b": 1})
    yield made
    made.destroy()


def test_a_revoked_key_is_soon_refused_by_every_process(server: Secured) -> None:
    number, key = server.key("revoked", scopes=["admin"])
    assert server.request("DELETE", f"/v1/admin/keys/{number}")[0] == 200
    server.await_everywhere(key, 401)


def test_a_log_is_followed_for_as_long_as_the_key_is_good(server: Secured) -> None:
    number, key = server.key("reader", scopes=["logs:list"])
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/v1/models/a/logs?follow=true", headers=bearer(key))
    log = connection.getresponse()
    assert (log.status, bool(log.read1())) == (200, True)
    assert server.request("DELETE", f"/v1/admin/keys/{number}")[0] == 200
    while log.read1():
        pass
    connection.close()


PICTURES = ("/etc/passwd", "file:///etc/passwd", "http://169.254.169.254/", "http://2130706433/")


@pytest.mark.parametrize("path", ["chat/completions", "responses", "messages"])
@pytest.mark.parametrize("picture", [*PICTURES, "http://[::ffff:7f00:1]/", "http://good.org@h/x"])
def test_no_engine_is_given_a_file_or_an_address_to_read(
    server: Secured, path: str, picture: str
) -> None:
    _, key = server.key("viewer")
    parts = {
        "chat/completions": {"type": "image_url", "image_url": {"url": picture}},
        "responses": {"type": "input_image", "image_url": picture},
        "messages": {"type": "image", "source": {"type": "url", "url": picture}},
    }
    said = [{"role": "user", "content": [{"type": "text", "text": "what is it?"}, parts[path]]}]
    name = "input" if path == "responses" else "messages"
    reply = server.call("POST", f"/v1/{path}", key, {"model": "a", name: said})
    assert reply.status == 400, reply.said
    assert "gateway.media_hosts" in reply.said


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


def test_our_client_is_told_what_its_results_are_said_to_be(server: Secured) -> None:
    client = connect("ours", server.url, server.admin_key)
    assert client.whoami()["permissions"]
    cat = client.create_user("cat", PASSWORD, ["models:list"])
    wait_until("it is listed", lambda: cat in client.list_users())
    both = ["models:list", "models:read"]
    assert client.change_user(cat["id"], permissions=both)["permissions"] == both
    client.set_password(cat["id"], f"another {PASSWORD}")
    session = client.run(login("cat", f"another {PASSWORD}"))
    fits(session, SessionTokens)
    newer = client.run(refresh(session["refresh_token"]))
    fits(newer, SessionTokens)
    client.run(logout(newer["refresh_token"]))
    key = client.create_key("cats", owner="cat", expires_at="2099-01-31")
    server.await_everywhere(key["key"], 200)
    assert client.get_key(key["id"]) == {name: key[name] for name in key if name != "key"}
    assert client.change_key(key["id"], model_permissions=["a"])["model_permissions"] == ["a"]
    owned = connect("ours", server.url, key["key"])
    wait_until("it may use one model", lambda: owned.whoami()["model_permissions"] == ["a"])
    assert client.list_keys()
    owned.get_model("a").chat([{"role": "user", "content": PROMPT}])
    wait_until("it is counted", lambda: client.get_usage(key=f"key:{key['id']}"))
    assert client.search_audit(action="POST /v1/admin/users")[0]["outcome"] == "201"
    client.revoke_key(key["id"])
    client.remove_user(cat["id"])
    client.close()


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
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_until("the ledger is back", lambda: requests() == 3)

    def serves() -> bool:
        return server.models().get("a", {}).get("state") == "ready"

    wait_until("the model is back", serves)
    assert server.call("POST", "/v1/chat/completions", key, ask).status == 200
    wait_until("counting goes on", lambda: requests() == 4)


def test_no_log_shows_a_key_a_password_or_a_prompt(server: Secured) -> None:
    _, key = server.key("logged", model_permissions=["a"])
    bob = {"username": "bob", "password": PASSWORD}
    assert server.request("POST", "/v1/admin/users", bob)[0] == 201
    _, session = server.request("POST", "/token", bob, {})
    server.request("POST", "/token", bob | {"password": f"not {PASSWORD}"}, {})
    server.request("POST", "/v1/auth/refresh", {"refresh_token": session["refresh_token"]}, {})
    server.await_everywhere(session["access_token"], 200)
    ask = {"model": "a", "messages": [{"role": "user", "content": PROMPT}]}
    for more in (
        {},
        {"stream": True},
        {"model": "b"},
        {"stream": PROMPT},
        {"echo": {"status": 500}},
    ):
        server.call("POST", "/v1/chat/completions", key, ask | more)
    server.call("POST", f"/v1/models?api_key={key}", key, {"model_name": PROMPT})
    server.call("GET", f"/v1/models?api_key={key}", "wrong")
    logs = [server.output, *(server.home / "logs").glob("*.log")]
    last = b'"GET /v1/models" 401'
    wait_until("requests are logged", lambda: any(last in log.read_bytes() for log in logs))
    texts = [server.output.read_bytes()]
    texts += [path.read_bytes() for path in server.home.rglob("*.log*") if path.is_file()]
    texts += [path.read_bytes() for path in (server.home / "state").iterdir()]
    secrets = [key, server.admin_key, PASSWORD, PROMPT]
    secrets += [session["access_token"], session["refresh_token"]]
    for text in texts:
        assert [secret for secret in secrets if secret.encode() in text] == []
    for name in ("admin.key", "token.secret", "cluster.token"):
        assert (server.home / "run" / name).stat().st_mode & 0o777 == 0o600
