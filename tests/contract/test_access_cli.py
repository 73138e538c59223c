"""`xinfer login`, `key`, `user` and `usage` against a running installation."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.contract.secured import RECIPE, Secured
from tests.process.appliance import wait_until

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = Secured(tmp_path_factory.mktemp("secured"), RECIPE)
    made.start()
    made.wait_ready({"a": 1, "b": 1})
    yield made
    made.destroy()


def test_from_the_admin_key_to_a_users_own_usage(server: Secured) -> None:
    admin = ("-ak", server.admin_key)
    refused = server.run("xinfer", "list")
    assert refused.returncode == 1
    assert "xinfer login" in refused.stderr
    made = server.run("xinfer", "user", "create", "ann", *admin, "--password", PASSWORD)
    assert made.returncode == 0, made.stderr
    scopes = ("--scope", "models:list", "--scope", "models:read", "--scope", "keys:create")
    assert server.run("xinfer", "user", "change", "ann", *admin, *scopes).returncode == 0

    wrong = server.run("xinfer", "login", "--username", "ann", "--password", "wrong one")
    assert "Incorrect username or password" in wrong.stderr
    done = server.run("xinfer", "login", "--username", "ann", "--password", PASSWORD)
    assert done.returncode == 0, done.stderr
    kept = server.home / "sessions.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in kept.read_text()
    server.await_everywhere(json.loads(kept.read_text())[server.url]["access_token"], 200)
    listed = server.run("xinfer", "list", "-o", "json")
    assert [model["id"] for model in json.loads(listed.stdout)] == ["a", "b"]
    forbidden = server.run("xinfer", "terminate", "a")
    assert "needs the scope 'models:write'" in forbidden.stderr

    session = json.loads(kept.read_text())
    session[server.url]["expires_s"] = 0
    kept.write_text(json.dumps(session))
    assert server.run("xinfer", "list").returncode == 0, "an old session is renewed"

    made = server.run("xinfer", "key", "create", "mine", "--model", "a", "--expires", "1h")
    key = made.stdout.strip()
    assert key.startswith("xf-")
    server.await_everywhere(key, 200)
    ask = {"model": "a", "messages": [{"role": "user", "content": "hello there"}]}
    assert server.call("POST", "/v1/chat/completions", key, ask).status == 200
    shown = server.run("xinfer", "key", "list")
    assert "mine" in shown.stdout
    assert key not in shown.stdout

    def counted() -> bool:
        usage = server.run("xinfer", "usage", "--by", "key", "-o", "json")
        return [line["name"] for line in json.loads(usage.stdout)] == ["mine"]

    wait_until("the usage is in the ledger", counted)
    table = server.run("xinfer", "usage", "--by", "key").stdout.splitlines()
    assert table[1].split()[:2] == ["mine", "1"]

    assert server.run("xinfer", "key", "revoke", "1").returncode == 0
    server.await_everywhere(key, 401)
    assert server.run("xinfer", "logout").returncode == 0
    assert server.run("xinfer", "list").returncode == 1
    assert server.run("xinfer", "user", "remove", "ann", *admin).returncode == 0
    assert server.run("xinfer", "user", "list", *admin, "-o", "json").stdout.strip() == "[]"
