"""The access matrix: every route of the table and every kind of credential, on a real server."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest

from tests.contract.secured import RECIPE, Reply, Secured, on_line
from tests.process.appliance import wait_until
from xinfer.api.errors import has_envelope
from xinfer.api.resources.media import PATHS
from xinfer.api.scopes import ACCESS, Need
from xinfer.domain.identity import IMPLIED, Scope

SECURED = sorted((route, need) for route, need in ACCESS.items() if need is not Need.PUBLIC)
SCOPED = [(route, need) for route, need in SECURED if isinstance(need, Scope)]
PUBLIC = sorted(route for route, need in ACCESS.items() if need is Need.PUBLIC)
USING = (Scope.MODELS_LIST, Scope.MODELS_READ)
NO_ENGINE = {path for paths in PATHS.values() for path in paths}
ENGINE = [
    path
    for route, need in SCOPED
    for method, _, path in [route.partition(" ")]
    if method == "POST" and need is Scope.MODELS_READ and "{" not in path and path not in NO_ENGINE
]
"""Paths of inference: the body names the model."""

PASSWORD = "correct horse battery"
INVALID = {
    "none": "needs an API key",
    "wrong key": "not valid",
    "expired key": "has expired",
    "revoked key": "not valid",
    "disabled key": "is disabled",
    "key of a disabled user": "is disabled",
    "key of a removed user": "not valid",
    "session of a disabled user": "session has ended",
    "session of a removed user": "session has ended",
    "session before a new password": "session has ended",
    "expired session": "has expired",
    "tampered session": "not valid",
    "session signed by another": "not valid",
    "unsigned session": "not valid",
    "session of another type": "not an access token",
    "refresh token": "not valid",
}
"""What is no good, and what its refusal says."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The models `a` and `b`."""
    made = Secured(tmp_path_factory.mktemp("matrix"), RECIPE)
    try:
        made.start()
        made.wait_ready({"a": 1, "b": 1})
        yield made
    finally:
        made.destroy()


def request_of(route: str) -> tuple[str, str]:
    """Method and path, about the model `a` or things that are not there."""
    method, _, path = route.partition(" ")
    return method, re.sub(r"\{[^}]*\}", "999999", path.replace("{uid}", "a"))


def without(scope: Scope) -> list[str]:
    """Every scope but those that bring this one along."""
    return [one.value for one in Scope if one is not scope and scope not in IMPLIED.get(one, ())]


def said(reply: Reply, path: str, code: str) -> str:
    """The message of a refusal, which is in each form that its route has."""
    body = json.loads(reply.said)
    if has_envelope(path):
        assert (body["error"]["code"], body["error"]["message"]) == (code, body["detail"])
    else:
        assert list(body) == ["detail"]
    return str(body["detail"])


class People:
    """Users of the installation, with a session and a key each."""

    def __init__(self, server: Secured) -> None:
        self._server = server

    def joins(self, name: str) -> tuple[int, str, str]:
        """An administrator: number, session and key."""
        ann = {"username": name, "password": PASSWORD, "permissions": ["admin"]}
        status, made = self._server.request("POST", "/v1/admin/users", ann)
        assert status == 201
        _, key = self._server.key(f"of {name}", owner=name, scopes=["admin"])
        token = self.session(name)["access_token"]
        self._server.await_everywhere(token, 200)
        return made["id"], token, key

    def session(self, name: str) -> dict[str, Any]:
        login = {"username": name, "password": PASSWORD}
        status, session = self._server.request("POST", "/token", login, {})
        assert status == 200
        return dict(session)


@pytest.fixture(scope="module")
def invalid(server: Secured) -> dict[str, str | None]:
    """Each credential of INVALID, which would be an administrator's if it were any good."""
    people = People(server)
    made: dict[str, str | None] = {"none": None, "wrong key": "xf-" + "0" * 48}
    spoilt = {name: server.key(name, scopes=["admin"]) for name in ("revoked key", "disabled key")}
    # Not over before it is made, wherever that takes its time.
    short = {"name": "short", "scopes": ["admin"], "expires_at": time.time() + 10}
    made["expired key"] = server.request("POST", "/v1/admin/keys", short)[1]["key"]
    off, made["session of a disabled user"], made["key of a disabled user"] = people.joins("off")
    gone, made["session of a removed user"], made["key of a removed user"] = people.joins("gone")
    new, made["session before a new password"], _ = people.joins("new")
    for method, path, body in (
        ("DELETE", f"/v1/admin/keys/{spoilt['revoked key'][0]}", None),
        ("PUT", f"/v1/admin/keys/{spoilt['disabled key'][0]}", {"enabled": False}),
        ("PUT", f"/v1/admin/users/{off}", {"enabled": False}),
        ("DELETE", f"/v1/admin/users/{gone}", None),
        ("PUT", f"/v1/admin/users/{new}/password", {"password": "another horse"}),
    ):
        assert server.request(method, path, body)[0] == 200
    made |= {name: key for name, (_, key) in spoilt.items()}
    _, good, _ = people.joins("good")
    made |= forged(good, (server.home / "run" / "token.secret").read_text().strip())
    made["refresh token"] = people.session("good")["refresh_token"]
    assert set(made) == set(INVALID)
    for credential in made.values():
        server.await_everywhere(credential or "none", 401)
    server.await_everywhere(good, 200)
    return made


def forged(good: str, secret: str) -> dict[str, str]:
    """What can be made of a good session."""
    claims = jwt.decode(good, options={"verify_signature": False})
    head, _, signature = good.split(".")
    changed = json.dumps(claims | {"user_id": 1}).encode()
    return {
        "expired session": jwt.encode(claims | {"exp": int(time.time()) - 1}, secret, "HS256"),
        "tampered session": f"{head}.{base64.urlsafe_b64encode(changed).decode()}.{signature}",
        "session signed by another": jwt.encode(claims, "another secret" * 4, "HS256"),
        "unsigned session": f"{jwt.encode(claims, None, 'none').rpartition('.')[0]}.{signature}",
        "session of another type": jwt.encode(claims | {"type": "refresh"}, secret, "HS256"),
    }


@pytest.mark.parametrize("route", [route for route, _ in SECURED])
def test_no_route_answers_without_a_valid_credential(
    server: Secured, invalid: dict[str, str | None], route: str
) -> None:
    method, path = request_of(route)
    for kind, why in INVALID.items():
        credential = invalid[kind]
        reply = server.call(method, path, credential, {})
        assert (kind, reply.status) == (kind, 401), reply.said
        message = said(reply, path, "authentication_error")
        assert ("cluster token" if ACCESS[route] is Need.ROLE and credential else why) in message
        assert reply.headers["www-authenticate"] == "Bearer"
        assert credential is None or credential not in reply.said


@pytest.mark.parametrize("route", PUBLIC)
def test_what_is_public_asks_for_nothing(
    server: Secured, invalid: dict[str, str | None], route: str
) -> None:
    method, path = request_of(route)
    for credential in (None, invalid["wrong key"], invalid["expired session"]):
        assert server.call(method, path, credential, {}).status not in (401, 403)


@pytest.fixture(scope="module")
def lacking(server: Secured) -> dict[Scope, str]:
    """For each scope a key that has all others."""
    return {need: server.key(f"without {need}", scopes=without(need))[1] for need in Scope}


@pytest.mark.parametrize(("route", "need"), SCOPED)
def test_a_key_without_the_scope_is_told_which_one(
    server: Secured, lacking: dict[Scope, str], route: str, need: Scope
) -> None:
    method, path = request_of(route)
    reply = server.call(method, path, lacking[need], {})
    assert reply.status == 403, reply.said
    assert f"'{need}'" in said(reply, path, "permission_error")


@pytest.fixture(scope="module")
def readers(server: Secured) -> Callable[[list[str]], str]:
    """Keys with just these scopes."""
    made: dict[str, str] = {}

    def reader(scopes: list[str]) -> str:
        name = ",".join(scopes)
        if name not in made:
            made[name] = server.key("reader", scopes=scopes)[1]
        return made[name]

    return reader


@pytest.mark.parametrize(
    "route", [route for route, need in SECURED if route.startswith("GET") and need != Need.ROLE]
)
def test_the_needed_scope_alone_opens_what_only_reads(
    server: Secured, readers: Callable[[list[str]], str], route: str
) -> None:
    need = ACCESS[route]
    key = readers([need.value] if isinstance(need, Scope) else ["routers:list"])
    assert server.call(*request_of(route), key).status not in (401, 403)


@pytest.fixture(scope="module")
def bound(server: Secured) -> str:
    """A key with every scope but that of administrators, for the model `b` only."""
    every = [scope.value for scope in Scope if scope is not Scope.ADMIN]
    return server.key("bound", scopes=every, model_permissions=["b"])[1]


@pytest.mark.parametrize(("route", "need"), SCOPED)
def test_a_key_for_another_model_is_told_so(
    server: Secured, bound: str, route: str, need: Scope
) -> None:
    method, path = request_of(route)
    reply = server.call(method, path, bound, {"model": "a", "input": "x"})
    if "{uid}" in route or path in ENGINE:
        assert reply.status == 403, reply.said
        assert need is Scope.ADMIN or "model 'a'" in said(reply, path, "permission_error")
    elif need in USING:
        assert reply.status != 403
    else:
        assert reply.status == 403, reply.said
        assert need is Scope.ADMIN or "some models only" in said(reply, path, "permission_error")


@pytest.fixture(scope="module")
def spent(server: Secured) -> str:
    """An administrator's key that is over its limit in every process."""
    _, key = server.key("spent", scopes=["admin"], rate_limit_requests_per_minute=1)
    ask = {"model": "a", "prompt": "x"}
    for line in server.lines():
        assert [on_line(line, "POST", "/v1/completions", key, ask) for _ in range(2)][-1] == 429
        line.close()
    return key


@pytest.mark.parametrize(("route", "need"), SECURED)
def test_a_key_over_its_limit_waits_for_engines_and_for_nothing_else(
    server: Secured, spent: str, route: str, need: Scope | Need
) -> None:
    method, path = request_of(route)
    if method == "DELETE" and path == "/v1/clusters":
        pytest.skip("it would end the installation")
    if path == "/v1/models/a" and method == "DELETE":
        path = "/v1/models/999999"
    if path in ENGINE:
        # After a minute a process lets one through again.
        reply = wait_until("a refusal", lambda: over_limit(server, path, spent))
        assert "1 requests per minute" in said(reply, path, "rate_limit_error")
        assert 1 <= int(reply.headers["retry-after"]) <= 120
    else:
        reply = server.call(method, path, spent, {"model": "a", "input": "x"})
        expected = 401 if need is Need.ROLE else 501 if path in NO_ENGINE else None
        assert reply.status == expected if expected else reply.status not in (401, 403, 429)


def over_limit(server: Secured, path: str, key: str) -> Reply | None:
    """The refusal, if it is one."""
    reply = server.call("POST", path, key, {"model": "a", "input": "x"})
    return reply if reply.status == 429 else None
