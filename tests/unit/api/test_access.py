"""The access table, and what stands before every route."""

from __future__ import annotations

from dataclasses import replace

import falcon.testing
import pytest

from tests.unit.api.conftest import TOKEN
from tests.unit.api.table import declared
from tests.unit.services.conftest import House
from tests.unit.services.people import People
from xinfer.api.auth import NOBODY, Authenticator
from xinfer.api.cors import Cors
from xinfer.api.scopes import ACCESS, PUBLIC_PATHS, Need, access
from xinfer.domain.identity import Principal, Scope, effective
from xinfer.domain.model import Hub, ModelSpec, Source
from xinfer.domain.record import AuditQuery
from xinfer.errors import Forbidden, Unauthorized
from xinfer.services.families import Resolved
from xinfer.services.keys import KeyChange

Client = falcon.testing.TestClient

CORS_HEADER = "Access-Control-Allow-Origin"


def test_every_route_is_in_the_access_table_and_no_other() -> None:
    assert set(declared()) == set(ACCESS)


def test_nothing_but_health_pages_and_logging_in_is_public() -> None:
    assert {route for route, need in ACCESS.items() if need is Need.PUBLIC} == {
        *("GET /health", "GET /healthz", "GET /readyz"),
        *("GET /", "GET /ui", "GET /ui/{path:path}"),
        *("GET /docs", "GET /docs/{path:path}", "GET /redoc"),
        *("POST /token", "POST /v1/auth/refresh", "POST /v1/auth/logout"),
        *("GET /v1/cluster/auth", "POST /v1/admin/setup", "GET /v1/admin/setup/status"),
    }
    assert "/v1/models" not in PUBLIC_PATHS


def test_a_route_that_is_not_in_the_table_is_for_administrators() -> None:
    assert access("POST", "/v1/new") is Scope.ADMIN
    assert access("HEAD", "/health") is Need.PUBLIC


@pytest.mark.parametrize("need", sorted(set(ACCESS.values())))
def test_what_each_need_lets_through(people: People, need: Scope | Need) -> None:
    gate = Authenticator(enabled=True, directory=people.directory, cluster_token=TOKEN)
    plain = Principal(id="key:1", name="ci", scopes=frozenset())
    role = Principal(id="cluster", name="cluster", is_cluster=True)
    gate.allow(role, need, None)
    if need is Need.PUBLIC:
        gate.allow(NOBODY, need, None)
        return
    with pytest.raises(Unauthorized):
        gate.allow(NOBODY, need, None)
    if isinstance(need, Scope):
        with pytest.raises(Forbidden, match=f"'{need}'"):
            gate.allow(plain, need, None)
        gate.allow(Principal(id="x", name="x", scopes=effective({need})), need, None)
    elif need is Need.ROLE:
        with pytest.raises(Unauthorized):
            gate.allow(people.admin, need, None)
    else:
        gate.allow(plain, need, None)


def test_a_key_for_some_models_changes_nothing_else(people: People) -> None:
    gate = Authenticator(enabled=True, directory=people.directory, cluster_token=TOKEN)
    bound = Principal(id="key:1", name="ci", models=frozenset({"m"}))
    gate.allow(bound, Scope.MODELS_WRITE, "m")
    gate.allow(bound, Scope.MODELS_LIST, None)
    for need, uid in ((Scope.MODELS_WRITE, "n"), (Scope.MODELS_WRITE, None), (Scope.ADMIN, None)):
        with pytest.raises(Forbidden):
            gate.allow(bound, need, uid)


def test_a_key_is_taken_from_either_header(api: Client, people: People) -> None:
    _, key = people.keys.create(people.admin, KeyChange(name="ci"))
    for headers in (
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer  {key} "},
        {"Authorization": "", "X-API-Key": key},
    ):
        assert api.simulate_get("/v1/models", headers=headers).status_code == 200
    for headers in (
        {"Authorization": ""},
        {"Authorization": f"Basic {key}"},
        {"Authorization": f"Bearer {key}x"},
        {"Authorization": "Bearer ü"},
    ):
        refused = api.simulate_get("/v1/models", headers=headers)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert key not in refused.text


@pytest.mark.parametrize("path", ["//v1/models", "/health/../v1/models", "/health%2fx", "/Health"])
def test_no_spelling_of_a_path_makes_it_public(api: Client, path: str) -> None:
    assert api.simulate_get(path, headers={"Authorization": ""}).status_code == 401


def test_a_session_from_setup_to_logout(api: Client, people: People) -> None:
    status = api.simulate_get("/v1/admin/setup/status", headers={"Authorization": ""}).json
    assert status == {"needs_setup": True, "initialized": False, "password_min_length": 8}
    ann = {"username": "ann", "password": "correct horse"}
    refused = api.simulate_post("/v1/admin/setup", json=ann | {"setup_token": "guess"})
    assert refused.status_code == 401
    made = api.simulate_post("/v1/admin/setup", json=ann | {"setup_token": "xf-admin"})
    assert (made.status_code, made.json) == (201, {"id": 1, "username": "ann"})
    again = api.simulate_post("/v1/admin/setup", json=ann | {"setup_token": "xf-admin"})
    assert again.status_code == 403

    wrong = api.simulate_post("/token", json=ann | {"password": "wrong"})
    assert (wrong.status_code, wrong.json) == (401, {"detail": "Incorrect username or password"})
    assert api.simulate_post("/token", body="{").status_code == 400
    given = api.simulate_post("/token", json=ann).json
    assert given["token_type"] == "bearer"
    me = api.simulate_get(
        "/v1/auth/me", headers={"Authorization": f"Bearer {given['access_token']}"}
    ).json
    assert (me["id"], me["username"], me["source"]) == (1, "ann", "user")
    assert "admin" in me["permissions"]
    refresh = {"refresh_token": given["refresh_token"]}
    second = api.simulate_post("/v1/auth/refresh", json=refresh).json
    assert second["refresh_token"] != given["refresh_token"]
    assert api.simulate_post("/v1/auth/refresh", json=refresh).status_code == 401
    done = api.simulate_post("/v1/auth/logout", json={"refresh_token": "whatever"})
    assert done.json == {"ok": True}


def test_wrong_passwords_are_answered_later_and_later(api: Client) -> None:
    body = {"username": "ann", "password": "wrong"}
    codes = [api.simulate_post("/token", json=body).status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]
    assert api.simulate_post("/token", json=body).headers["Retry-After"] == "1"


def test_keys_over_rest(api: Client) -> None:
    made = api.simulate_post(
        "/v1/admin/keys",
        json={
            "name": "ci",
            "expires_at": "2099-01-01",
            "model_permissions": ["m"],
            "rate_limit_requests_per_minute": 5,
        },
    )
    assert made.status_code == 201
    key = made.json.pop("key")
    path = f"/v1/admin/keys/{made.json['id']}"
    shown = api.simulate_get(path).json
    assert {**shown, "key": made.json["key"]} == made.json
    assert shown["prefix"] == made.json["key"][:10]
    assert shown["expires_at"] == 4070908800.0
    changed = api.simulate_put(path, json={"enabled": False, "quota_tokens_per_month": 9}).json
    assert changed == {**shown, "enabled": False, "quota_tokens_per_month": 9}
    changed = api.simulate_put(path, json={"expires_at": None, "enabled": True}).json
    assert (changed["expires_at"], changed["rate_limit_requests_per_minute"]) == (None, 5)
    every = api.simulate_put(f"{path}/permissions", json={"model_permissions": None})
    assert every.json == api.simulate_get(f"{path}/permissions").json == {"model_permissions": None}
    assert api.simulate_get(f"{path}/reveal").status_code == 400
    assert [one["id"] for one in api.simulate_get("/v1/admin/keys").json] == [shown["id"]]
    assert api.simulate_delete(path).json == {"ok": True}
    assert api.simulate_get(path).status_code == 404
    assert key
    for wrong in (
        {"name": ""},
        {"name": "x", "expires_at": "soon"},
        {"name": "x", "expires_at": 1},
        {"name": "x", "expires_at": 10**20},
        {"name": "x", "description": "x" * 1001},
        {"name": "\x1b[2Jx"},
        {"name": "x\ny"},
        {"name": "x", "rate_limit_tokens_per_minute": 0},
        {"name": "x", "quota_tokens_per_month": 10**30},
        {"name": "x", "scopes": ["models:everything"]},
        {"name": "x", "owner": "nobody"},
        {},
    ):
        assert api.simulate_post("/v1/admin/keys", json=wrong).status_code == 400, wrong
    for unknown in ("0", "x", "9" * 30):
        assert api.simulate_delete(f"/v1/admin/keys/{unknown}").status_code == 404


def test_users_over_rest(api: Client) -> None:
    bob = {"username": "bob", "password": "correct horse"}
    made = api.simulate_post("/v1/admin/users", json=bob)
    assert made.status_code == 201
    assert made.json["permissions"] == ["models:list", "models:read"]
    assert api.simulate_post("/v1/admin/users", json=bob).status_code == 409
    path = f"/v1/admin/users/{made.json['id']}"
    scopes = {"permissions": ["models:write"]}
    assert api.simulate_put(f"{path}/permissions", json=scopes).json == scopes
    assert api.simulate_get(f"{path}/permissions").json == scopes
    assert api.simulate_put(path, json={"enabled": False}).json["enabled"] is False
    assert api.simulate_get(path).json == api.simulate_get("/v1/admin/users").json[0]
    assert "correct" not in api.simulate_get(path).text
    new = {"password": "another horse"}
    assert api.simulate_put(f"{path}/password", json=new).json == {"ok": True}
    assert api.simulate_delete(path).json == {"ok": True}
    assert api.simulate_get(path).status_code == 404


def test_changes_and_refusals_are_in_the_audit_log_without_secrets(
    api: Client, people: People
) -> None:
    made = api.simulate_post("/v1/admin/keys", json={"name": "ci"}).json
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert api.simulate_delete("/v1/models/m", headers=headers).status_code == 403
    api.simulate_get("/v1/models")
    api.simulate_post("/token", json={"username": "eve", "password": "a secret password"})
    entries = api.simulate_get("/v1/audit/search").json["data"]
    assert [(one["name"], one["action"], one["target"], one["outcome"]) for one in entries] == [
        ("anonymous", "login", "eve", "failed"),
        ("ci", "DELETE /v1/models/{uid}", "/v1/models/m", "403"),
        ("admin key", "POST /v1/admin/keys", "/v1/admin/keys/1", "201"),
    ]
    kept = str(people.audit.search(AuditQuery()))
    assert made["key"] not in kept
    assert "a secret password" not in kept
    found = api.simulate_get("/v1/audit/search", params={"principal": "key:1"}).json["data"]
    assert found == entries[1:2]


def test_a_clerk_launches_models_and_nothing_else(api: Client, people: People) -> None:
    _, key = people.keys.create(people.admin, KeyChange(name="clerk", scopes=("models:write",)))
    headers = {"Authorization": f"Bearer {key}"}
    body = {"model_name": "m", "model_engine": "paper", "model_path": "/etc/passwd"}
    refused = api.simulate_post("/v1/models", json=body, headers=headers)
    assert refused.status_code == 403
    assert "'clerk' may not use the local file" in refused.json["detail"]


@pytest.mark.parametrize("route", ["/v1/models?wait_ready=false", "/v1/autostart/models"])
def test_what_was_judged_is_launched_though_its_family_changes(
    api: Client, house: House, people: People, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    _, key = people.keys.create(people.admin, KeyChange(name="clerk", scopes=("models:write",)))
    places = [Source(hub=Hub.HUGGINGFACE, ref="org/repo"), Source(hub=Hub.PATH, ref="/etc")]

    def resolve(spec: ModelSpec, *, hub: str | None = None) -> Resolved:
        return Resolved(spec=spec if spec.source else replace(spec, source=places.pop(0)))

    monkeypatch.setattr(house.families, "resolve", resolve)
    body = {"model_name": "m", "model_engine": "paper"}
    done = api.simulate_post(route, json=body, headers={"Authorization": f"Bearer {key}"})
    assert done.status_code == 200
    source = house.store.desired().models["m"].source
    assert source is not None
    assert source.hub is Hub.HUGGINGFACE


def test_pages_of_other_sites_are_answered_only_when_listed(api: Client) -> None:
    preflight = {"Access-Control-Request-Method": "POST", "Authorization": ""}
    listed = {"Origin": "https://chat.example.org"}
    welcome = api.simulate_options("/v1/models", headers=preflight | listed)
    assert welcome.status_code == 204
    assert welcome.headers[CORS_HEADER] == "https://chat.example.org"
    assert "POST" in welcome.headers["Access-Control-Allow-Methods"]
    assert api.simulate_get("/v1/models", headers=listed).headers[CORS_HEADER]
    for origin in ("https://evil.example.org", "null", "https://chat.example.org.evil.com"):
        other = {"Origin": origin}
        assert CORS_HEADER not in api.simulate_get("/v1/models", headers=other).headers
        refused = api.simulate_options("/v1/models", headers=preflight | other)
        assert refused.status_code == 401
        assert CORS_HEADER not in refused.headers


HERE = "localhost:9997"
EVIL = "evil.example.org:9997"


@pytest.mark.parametrize(
    ("method", "host", "origin", "code"),
    [
        ("POST", HERE, "http://evil.example.org", 403),
        ("DELETE", HERE, "null", 403),
        ("GET", HERE, "http://evil.example.org", 200),
        ("POST", HERE, f"http://{HERE}", 200),
        ("POST", HERE, None, 200),
        # The name of the other site leads here, too.
        ("POST", EVIL, f"http://{EVIL}", 403),
        ("POST", "127.0.0.1.nip.io", "http://127.0.0.1.nip.io", 403),
        *(("POST", host, f"http://{host}", 200) for host in ("10.0.0.7:9997", "[::1]:9997")),
        *(("POST", host, f"http://{host}", 200) for host in ("gpu-1:9997", "GPU-1.local.")),
        ("POST", "ui.example.org", "http://ui.example.org", 200),
        ("GET", EVIL, None, 200),
    ],
)
def test_without_keys_a_foreign_page_changes_nothing(
    method: str, host: str, origin: str | None, code: int
) -> None:
    assert answer(method, host, origin, alone=False) == code


@pytest.mark.parametrize(
    ("host", "code"),
    [
        *((host, 200) for host in (HERE, "127.0.0.1", "[::1]:9997", "ui.example.org:80", "x")),
        *((host, 403) for host in (EVIL, "localhost.evil.org", "127.0.0.1.nip.io", "1.2.3.4.5")),
    ],
)
def test_where_nobody_else_can_connect_no_other_name_leads(host: str, code: int) -> None:
    assert answer("GET", host, None, alone=True) == code


def answer(method: str, host: str, origin: str | None, *, alone: bool) -> int:
    class Anything:
        def on_get(self, _req: falcon.Request, _resp: falcon.Response) -> None:
            """Answers."""

        on_post = on_delete = on_get

    listed = ["https://ui.example.org"]
    app = falcon.App(middleware=[Cors(listed, credentials_needed=False, alone=alone)])
    app.add_route("/x", Anything())
    app.add_error_handler(Forbidden, lambda _req, resp, *_: setattr(resp, "status", 403))
    headers = {"Host": host} | ({} if origin is None else {"Origin": origin})
    return (
        falcon.testing.TestClient(app).simulate_request(method, "/x", headers=headers).status_code
    )
