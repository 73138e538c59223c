"""Recipes, nodes and the cluster over HTTP."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import falcon.testing
import msgspec
import pytest

from tests.unit.api.conftest import KEY, TOKEN
from tests.unit.domain.clusters import GIB, node, spec
from tests.unit.services.conftest import House
from xinfer.domain.node import NodeReport, Reach
from xinfer.domain.state import Assignment

Client = falcon.testing.TestClient
ROLE = {"Authorization": f"Bearer {TOKEN}"}


def put(api: Client, *uids: str, **more: Any) -> Any:
    models = [replace(spec(uid), engine="free") for uid in uids]
    body = {"recipe": "r.yaml", "models": msgspec.to_builtins(models), **more}
    return api.simulate_put("/v1/recipe", json=body)


def post_report(api: Client, report: NodeReport, headers: Any = ROLE, at: str = "a") -> Any:
    body = msgspec.json.encode(report)
    return api.simulate_post(f"/cluster/nodes/{at}/report", body=body, headers=headers)


def test_a_recipe_is_applied_and_read_again(api: Client, house: House) -> None:
    first = put(api, "a", "b")
    assert first.json == {
        "revision": 1,
        "added": ["a", "b"],
        "changed": [],
        "removed": [],
        "unchanged": [],
        "no_room": {},
    }
    assert put(api, "a").json["removed"] == ["b"]
    assert put(api, "a", "b", expected=1).status_code == 409
    house.models.terminate("a")
    read = api.simulate_get("/v1/recipe").json
    assert (read["recipe"], read["revision"], read["drift"]) == ("r.yaml", 3, ["a"])
    assert put(api, "a").json["added"] == ["a"]
    again = api.simulate_get("/v1/recipe").json
    assert again["drift"] == []
    unchanged = {key: again[key] for key in ("recipe", "models")}
    assert api.simulate_put("/v1/recipe", json=unchanged).json["unchanged"] == ["a"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "models"),
        ({"models": {}}, "array"),
        ({"models": [{"uid": "a"}]}, "engine"),
        ({"models": [{"uid": "../a", "engine": "free"}]}, "not usable"),
        ({"models": [{"uid": "a", "engine": "fre"}]}, "Did you mean 'free'?"),
        ({"models": [], "expcted": 3}, "expcted"),
    ],
)
def test_a_wrong_recipe_is_told_what_is_wrong(
    api: Client, house: House, body: dict[str, Any], words: str
) -> None:
    reply = api.simulate_put("/v1/recipe", json=body)
    assert reply.status_code == 400
    assert words in reply.json["detail"]
    assert house.store.desired().revision == 0


def test_a_node_reports_and_follows_its_assignment(api: Client, house: House) -> None:
    put(api, "m")
    first = post_report(api, node("a").report)
    assert msgspec.json.decode(first.content, type=Assignment) == Assignment(node="a", revision=0)
    house.script = [lambda: house.control.step()]
    watched = api.simulate_get("/cluster/nodes/a/assignment?revision=0&wait_s=30", headers=ROLE)
    got = msgspec.json.decode(watched.content, type=Assignment)
    assert got.revision == 1
    assert got.replicas == house.store.assigned().replicas


def test_only_the_cluster_token_speaks_for_a_node(api: Client, house: House) -> None:
    for headers in ({"Authorization": f"Bearer {KEY}"}, {"Authorization": ""}):
        assert post_report(api, node("a").report, headers).status_code == 401
        watch = api.simulate_get("/cluster/nodes/a/assignment", headers=headers)
        assert watch.status_code == 401
    assert house.store.observed().nodes == {}


def test_reports_that_cannot_be_are_refused(api: Client, house: House) -> None:
    report = node("a").report
    assert post_report(api, report, at="b").status_code == 400
    old = post_report(api, replace(report, version="0.0.1"))
    assert old.status_code == 409
    assert "Install the same version" in old.json["detail"]
    broken = api.simulate_post("/cluster/nodes/a/report", body=b'{"node":1}', headers=ROLE)
    assert broken.status_code == 400
    assert "report of node 'a' cannot be read" in broken.json["detail"]
    assert house.store.observed().nodes == {}


def test_the_log_names_a_refused_node_once_for_each_reason(
    api: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def told() -> list[str]:
        lines = [one.getMessage() for one in caplog.records if one.name == "xinfer.cluster"]
        caplog.clear()
        return lines

    report, stranger = node("a").report, {"Authorization": "Bearer guessed"}
    for _ in range(3):
        post_report(api, report, stranger)
    (line,) = told()
    assert "Node 'a' at 127.0.0.1 is refused: it does not have this cluster's token" in line
    for _ in range(2):
        post_report(api, replace(report, version="0.0.1"))
        post_report(api, report, stranger, at="b%0Aforged")
    versions, other = told()
    assert "runs xinfer 0.0.1" in versions
    assert r"Node 'b\nforged'" in other
    post_report(api, report)
    assert told() == []
    post_report(api, report, stranger)
    assert len(told()) == 1, "it had joined, so this is news"
    for number in range(400):
        post_report(api, report, stranger, at=f"n{number}")
    assert len(told()) < 300, "strangers do not fill the log"


def test_the_cluster_shows_its_nodes(api: Client, house: House) -> None:
    seen = node("a", memory=16, gpus=[8, 8], held=2, held_on=[0, 1], labels={"zone": "x"})
    post_report(api, seen.report)
    house.models.launch(spec(memory_bytes=5 * GIB, engine="free"))
    house.control.step()
    house.now += 90
    brief = api.simulate_get("/v1/cluster/info").json
    assert [entry["node_type"] for entry in brief] == ["Supervisor", "Worker"]
    assert brief[1] == {
        "node_type": "Worker",
        "node": "a",
        "ip_address": "127.0.0.1:9001",
        "gpu_count": 2,
        "gpu_vram_total": "16384MiB",
    }
    detailed = api.simulate_get("/v1/cluster/info?detailed=true").json[1]
    expected = {
        "cpu_count": 4,
        "mem_total": 16 * GIB,
        "mem_free": 9 * GIB,
        "mem_held": 2 * GIB,
        "gpu_vram_total": 16 * GIB,
        "gpu_vram_free": 15 * GIB,
        "alive": False,
        "labels": {"zone": "x"},
        "load": None,
    }
    assert {key: detailed[key] for key in expected} == expected
    board = {"index": 1, "name": "gpu", "kind": "cuda", "total_bytes": 8 * GIB, "used_bytes": 0}
    left = {"held_bytes": GIB, "free_bytes": 7 * GIB}
    assert detailed["devices"][1] == {**board, "load": None, **left}
    status = api.simulate_get("/status").json
    assert status["uptime"] == 90
    assert status["workers"]["127.0.0.1:9001"]["node"] == "a"


def test_a_report_that_does_not_say_what_others_hold_is_read(api: Client) -> None:
    report = json.loads(msgspec.json.encode(node("a", gpus=[8], held=3, held_on=[2]).report))
    del report["machine"]["memory_held_bytes"], report["machine"]["devices"][0]["held_bytes"]
    sent = api.simulate_post("/cluster/nodes/a/report", json=report, headers=ROLE)
    assert sent.status_code == 200
    shown = api.simulate_get("/v1/cluster/info?detailed=true").json[1]
    assert (shown["mem_free"], shown["gpu_vram_free"]) == (16 * GIB, 8 * GIB)


def test_whether_keys_are_needed_is_told_without_one(api: Client) -> None:
    assert api.simulate_get("/v1/cluster/auth", headers={"Authorization": ""}).json == {
        "auth": True
    }
    assert api.simulate_get("/v1/models", headers={"Authorization": ""}).status_code == 401


def test_who_may_open_a_way_to_a_node(api: Client) -> None:
    def status(node: str, upgrade: str = "xinfer-way", headers: Any = ROLE) -> int:
        asks = {**headers, "Upgrade": upgrade, "Connection": "Upgrade"}
        return int(api.simulate_get(f"/cluster/nodes/{node}/way", headers=asks).status_code)

    for name, reach in (("direct", Reach.DIRECT), ("hidden", Reach.REVERSE)):
        report = replace(node(name).report, reach=reach)
        assert post_report(api, report, at=name).status_code == 200
    assert status("hidden") == 101
    assert status("hidden", headers={"Authorization": f"Bearer {KEY}"}) == 401
    assert status("hidden", upgrade="websocket") == 400
    assert status("direct") == 409
    assert status("unheard") == 503


def test_the_memory_of_a_model_is_estimated_beside_what_is_free(api: Client) -> None:
    post_report(api, node("a", held=10).report)
    post_report(api, node("b", gpus=[24, 24], held_on=[20, 0]).report, at="b")
    asked = {"model_size_in_billions": 7, "model_format": "pytorch", "context_length": 2048}
    found = api.simulate_post("/v1/model_memory", json=asked).json
    parts = {name: size for name, size in found.items() if name.endswith("_bytes")}
    total = parts.pop("total_bytes")
    assert parts["model_bytes"] == pytest.approx(14e9, rel=0.01)
    assert 0 <= total - sum(parts.values()) < 2**20
    assert found["nodes"] == [
        {"node": "a", "free_bytes": 6 * GIB, "fits": False},
        {"node": "b", "free_bytes": 28 * GIB, "fits": True},
    ]
    named = {**asked, "model_size_in_billions": "0_5", "model_name": "qwen2.5-instruct"}
    found = api.simulate_post("/v1/model_memory", json=named).json
    assert [node["fits"] for node in found["nodes"]] == [True, True]


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        ({"model_size_in_billions": "many"}, 400, "model_size_in_billions: 'many'"),
        ({"model_size_in_billions": -1}, 400, "model_size_in_billions"),
        ({"model_size_in_billions": 1e300}, 400, "model_size_in_billions"),
        ({"context_length": 0}, 400, "context_length"),
        ({"kv_cache_dtype": 4}, 400, "kv_cache_dtype"),
        ({"quantization": "x"}, 400, "no formula for the quantization 'x'"),
        ({"model_name": "qwen2.5-instrct"}, 404, "qwen2.5-instruct"),
        ({"model_nam": "x"}, 400, "Did you mean 'model_name'?"),
        ({"size_in_billions": 7}, 400, "Did you mean 'model_size_in_billions'?"),
        ({"model_format": "ggufx"}, 400, "Did you mean 'ggufv2'?"),
    ],
)
def test_what_has_no_estimate_is_refused_by_its_key(
    api: Client, more: dict[str, object], status: int, words: str
) -> None:
    asked = {"model_size_in_billions": 7, "model_format": "pytorch", "context_length": 2048}
    reply = api.simulate_post("/v1/model_memory", json={**asked, **more})
    assert reply.status_code == status
    assert words in reply.text
