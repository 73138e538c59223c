"""The cluster by every client, what is refused, and recipes on recipes."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import openai
import pytest

from tests.contract.official import KINDS, connect, methods
from tests.process.appliance import Appliance, wait_until
from xinfer.api.resources.media import PATHS, READABLE

NOT_HERE = {"relaunch_api", "relaunch_supervisor", "relaunch_worker"}
"""What the official client can ask that nothing here does: the launcher does it."""


def test_workers_and_supervisor(client: Any, one: Appliance) -> None:
    (worker,) = client.get_workers_info()
    assert set(worker["models"].values()) == {"chat", "echo"}
    assert client.get_supervisor_info() == {"supervisor_ip": f"127.0.0.1:{one.port}"}
    address = getattr(client, "get_address", None) or client._get_supervisor_internal_address
    assert address() == f"127.0.0.1:{one.port}"


def test_the_nodes_in_short_and_in_full(one: Appliance) -> None:
    _, (head, node) = one.request("GET", "/v1/cluster/info")
    assert (head["node_type"], node["node_type"]) == ("Supervisor", "Worker")
    assert "mem_total" not in node
    _, (head, node) = one.request("GET", "/v1/cluster/info?detailed=true")
    assert node["mem_total"] > node["mem_available"] > 0
    assert node["software_version"] == head["software_version"]
    assert one.request("GET", "/v1/cluster/auth") == (200, {"auth": False})
    assert one.request("GET", "/v1/cluster/devices")[1] >= 0
    assert one.request("GET", "/v1/cluster/version")[1]["version"]
    status, said = one.request("GET", "/status")
    assert (status, len(said["workers"])) == (200, 1)
    assert said["uptime"] >= 0


def test_what_nothing_here_does_is_refused_in_words(client: Any) -> None:
    asked = {
        "relaunch_api": (),
        "relaunch_supervisor": (),
        "relaunch_worker": ("127.0.0.1:1",),
    }
    for name in NOT_HERE & methods(client):
        with pytest.raises(RuntimeError, match=r"There is no .* The launcher"):
            getattr(client, name)(*asked[name])


@pytest.mark.parametrize("path", [path for paths in PATHS.values() for path in paths])
def test_media_routes_say_that_there_is_no_engine(one: Appliance, path: str) -> None:
    for method in ("POST", "GET") if path in READABLE else ("POST",):
        status, said = one.request(method, path, None if method == "GET" else {"model": "x"})
        assert (status, "There is no engine for" in said["detail"]) == (501, True)


def test_a_client_of_openai_is_not_made_to_ask_for_a_picture_again(one: Appliance) -> None:
    sdk = openai.OpenAI(base_url=f"{one.url}/v1", api_key="none", max_retries=5)
    with pytest.raises(openai.APIStatusError, match="There is no engine for images") as refused:
        sdk.images.generate(model="x", prompt="a horse")
    assert refused.value.status_code == 501
    assert int(refused.value.request.headers["x-stainless-retry-count"]) == 0


def test_a_recipe_is_changed_on_top_of_what_was_read(one: Appliance) -> None:
    tag, recipe = _recipe(one, "GET", None)
    models = [each for each in recipe["models"] if each["origin"] == "recipe"]
    more = {**models[-1], "uid": "more"}
    body = {"recipe": recipe["recipe"], "models": [*models, more]}
    newer, changes = _recipe(one, "PUT", body, {"If-Match": tag})
    assert (changes["added"], newer == tag) == (["more"], False)
    status, said = one.request("PUT", "/v1/recipe", body | {"models": models}, {"If-Match": tag})
    assert (status, "is at revision" in said["detail"]) == (409, True)
    assert one.request("PUT", "/v1/recipe", body, {"If-Match": '"x"'})[0] == 400
    assert _recipe(one, "PUT", body | {"models": models}, {"If-Match": newer})[1]["removed"]


def _recipe(
    one: Appliance, method: str, body: Any, headers: dict[str, str] | None = None
) -> tuple[str, Any]:
    request = urllib.request.Request(
        f"{one.url}/v1/recipe",
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"Content-Type": "application/json", **(headers or {})},
    )
    with urllib.request.urlopen(request, timeout=15) as reply:
        return reply.headers["ETag"], json.loads(reply.read())


def test_the_cluster_is_stopped_after_the_answer(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    made = Appliance(tmp_path_factory.mktemp("stopped"), "models: {echo: {engine: echo}}")
    try:
        for kind in KINDS:
            # What is declared comes back with each start.
            made.start()
            made.wait_ready({"echo": 1})
            assert made.launcher is not None
            assert connect(kind, made.url).abort_cluster() == {"result": True}, kind
            assert made.launcher.wait(60) == 0
            wait_until("every process is gone", lambda: made.processes() == [])
    finally:
        made.destroy()
