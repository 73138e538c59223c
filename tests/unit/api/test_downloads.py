"""Downloads as callers see them: what they ask for, where it goes, how it ends and who may."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import falcon.testing
import pytest

from tests.unit.domain.clusters import node
from tests.unit.half_hub import HalfWorkers, until
from tests.unit.services.conftest import House
from tests.unit.services.people import People
from xinfer.domain.download import Download
from xinfer.domain.identity import Scope
from xinfer.domain.model import Hub, ModelSpec, Source
from xinfer.errors import LaunchFailed
from xinfer.services.keys import KeyChange

Client = falcon.testing.TestClient
OWN = {"model_name": "m", "source": {"huggingface": "org/m"}}


@pytest.fixture
def api(api: Client, house: House, workers: HalfWorkers) -> Iterator[Client]:
    """With two nodes, `a` and `bb`, and most room on `bb`."""
    for name in ("a", "bb"):
        house.reports.report(node(name).report)
    workers.room = {node("bb").report.address: 1000}
    yield api
    workers.hub.go.set()


def begin(api: Client, body: dict[str, Any], query: str = "wait_ready=false", **more: Any) -> Any:
    return api.simulate_post("/v1/cache/models", json=body, query_string=query, **more)


def listed(api: Client) -> dict[str, dict[str, Any]]:
    return {one["cache_uid"]: one for one in api.simulate_get("/v1/downloads").json["list"]}


def do(api: Client, what: str, uid: str = "d") -> Any:
    if what == "forget":
        return api.simulate_delete(f"/v1/downloads/{uid}")
    where = "cache/models" if what == "cancel" else "downloads"
    return api.simulate_post(f"/v1/{where}/{uid}/{what}")


def test_a_download_is_followed_and_answers_when_it_is_done(
    api: Client, workers: HalfWorkers
) -> None:
    replies: list[Any] = []
    asks = threading.Thread(
        target=lambda: replies.append(begin(api, {**OWN, "cache_uid": "d"}, "wait_ready=true"))
    )
    asks.start()
    seen = until(lambda: next((one for one in listed(api).values() if one["progress"]), None))
    assert (seen["cache_uid"], seen["status"], seen["stage"]) == ("d", "running", "downloading")
    assert (seen["downloaded_bytes"], seen["total_bytes"]) == (5, 10)
    assert seen["download_files"] == [{"name": "a", "done_bytes": 5, "total_bytes": 10}]
    progress = api.simulate_get("/v1/cache/models/d/progress").json
    assert (progress["progress"], progress["model_name"]) == (0.5, "m")
    assert not replies
    workers.hub.go.set()
    asks.join(60)
    (reply,) = replies
    assert reply.status_code == 200
    assert (reply.json["status"], reply.json["progress"]) == ("done", 1.0)
    assert (reply.json["node"], reply.json["model_hub"]) == ("bb", "huggingface")


def test_a_family_is_resolved_as_a_launch_would_with_or_without_an_engine(
    api: Client, workers: HalfWorkers
) -> None:
    qwen = {"model_name": "qwen2.5-instruct", "size_in_billions": "0_5", "quantization": "q4_k_m"}
    found = begin(api, {**qwen, "model_format": "ggufv2"}).json
    assert found["model_id"] == "Qwen/Qwen2.5-0.5B-Instruct-GGUF"
    assert (found["model_size_in_billions"], found["model_format"]) == ("0_5", "ggufv2")
    assert found["cache_uid"].startswith("qwen2.5-instruct-")
    # An engine without a list of formats reads them all.
    again = begin(api, {**qwen, "model_format": "ggufv2", "model_engine": "paper"}).json
    assert (again["model_id"], again["model_engine"]) == (found["model_id"], "paper")
    until(lambda: all(one["downloaded_bytes"] for one in listed(api).values()))
    assert workers.hub.fetches == 1


def test_an_embedding_model_is_found_without_its_type(api: Client) -> None:
    assert begin(api, {"model_name": "bge-m3"}).json["model_type"] == "embedding"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"model_name": "qwen2.5-instrukt"}, "Did you mean 'qwen2.5-instruct'?"),
        (
            {"model_name": "qwen2.5-instrukt", "model_engine": "paper"},
            "Did you mean 'qwen2.5-instruct'?",
        ),
        ({"model_name": "qwen2.5-instruct", "model_size_in_billions": 8}, "no size 8"),
        ({"model_name": "m", "model_engine": "free"}, "loads no files"),
        ({**OWN, "worker_ip": "c"}, "no node 'c'"),
        ({**OWN, "cache_uid": "a/b"}, "'a/b' is not usable"),
        ({**OWN, "cache_uid": 7}, "cache_uid"),
        ({}, "names no model"),
    ],
)
def test_what_cannot_be_is_refused(api: Client, body: dict[str, Any], words: str) -> None:
    reply = begin(api, body)
    assert reply.status_code == 400
    assert words in reply.json["detail"]
    assert listed(api) == {}


def test_pausing_resuming_cancelling_and_forgetting(api: Client, workers: HalfWorkers) -> None:
    begin(api, {**OWN, "cache_uid": "d", "worker_ip": "a"})
    assert do(api, "forget").status_code == 409
    assert do(api, "pause").json["status"] == "paused"
    until(lambda: workers.hub.under_way == 0)
    assert (listed(api)["d"]["node"], listed(api)["d"]["stage"]) == ("a", "paused")
    assert do(api, "resume").json["status"] == "running"
    cancelled = do(api, "cancel")
    assert (cancelled.status_code, cancelled.json) == (200, None)
    assert do(api, "cancel").status_code == 409
    assert do(api, "forget").json["status"] == "cancelled"
    for what in ("pause", "resume", "cancel", "forget"):
        assert do(api, what).status_code == 404
    assert api.simulate_get("/v1/cache/models/d/progress").status_code == 404


def test_a_uid_is_joined_by_those_who_want_the_same(api: Client) -> None:
    begin(api, {**OWN, "cache_uid": "d", "worker_ip": "a"})
    assert begin(api, {**OWN, "cache_uid": "d"}).json["node"] == "a"
    other = {**OWN, "source": {"huggingface": "org/other"}, "cache_uid": "d"}
    assert begin(api, other).status_code == 409
    assert begin(api, {**OWN, "cache_uid": "d", "worker_ip": "bb"}).status_code == 409
    do(api, "cancel")
    assert begin(api, other).json["node"] == "bb"
    assert [one["node"] for one in api.simulate_get("/v1/downloads").json["list"]] == ["bb"]


@pytest.mark.parametrize(("what", "status"), [("cancel", 499), ("pause", 499), ("fail", 503)])
def test_who_waits_is_told_how_it_ended(
    api: Client, workers: HalfWorkers, what: str, status: int
) -> None:
    replies: list[Any] = []
    asks = threading.Thread(
        target=lambda: replies.append(begin(api, {**OWN, "cache_uid": "d"}, ""))
    )
    asks.start()
    until(lambda: "d" in listed(api))
    if what == "fail":
        workers.hub.error = LaunchFailed("No room.", "Make some.", phase="downloading", cause="x")
        workers.hub.go.set()
    else:
        assert do(api, what).status_code == 200
    asks.join(60)
    assert replies[0].status_code == status
    assert "No room. Make some." in replies[0].text or f"was {what}" in replies[0].text


def test_a_launchs_download_shows_and_is_not_ended_here(api: Client, workers: HalfWorkers) -> None:
    source = Source(hub=Hub.HUGGINGFACE, ref="org/m")
    spec = ModelSpec(uid="chat", engine="paper", source=source)
    workers.launches = (Download(id="chat", spec=spec, of_launch=True, progress=0.25),)
    assert listed(api)["chat"]["of_launch"] is True
    assert api.simulate_get("/v1/cache/models/chat/progress").json["progress"] == 0.25
    refused = do(api, "pause", "chat")
    assert (refused.status_code, "xinfer terminate chat" in refused.json["detail"]) == (409, True)


def test_without_nodes_or_their_answer_nothing_begins(
    api: Client, house: House, workers: HalfWorkers
) -> None:
    workers.away = set(workers.room)
    assert begin(api, OWN).status_code == 503
    assert api.simulate_get("/v1/downloads").status_code == 503
    house.now += 1000
    refused = begin(api, OWN)
    assert (refused.status_code, "No node" in refused.json["detail"]) == (503, True)


def test_a_key_for_one_model_sees_nothing_of_others(api: Client, people: People) -> None:
    begin(api, {**OWN, "cache_uid": "d"})
    change = KeyChange(
        name="k",
        scopes=(Scope.MODELS_READ, Scope.MODELS_WRITE),
        models=(frozenset({"other"}),),
    )
    _, key = people.keys.create(people.admin, change)
    headers = {"Authorization": f"Bearer {key}"}
    assert api.simulate_get("/v1/downloads", headers=headers).json == {"list": []}
    progress = api.simulate_get("/v1/cache/models/d/progress", headers=headers)
    assert (progress.status_code, "model 'm'" in progress.json["detail"]) == (403, True)
    begin(api, {**OWN, "model_name": "other", "cache_uid": "o"})
    assert api.simulate_get("/v1/cache/models/o/progress", headers=headers).status_code == 200
    (mine,) = api.simulate_get("/v1/downloads", headers=headers).json["list"]
    assert mine["cache_uid"] == "o"


def test_who_does_not_own_the_machine_fetches_no_local_files(api: Client, people: People) -> None:
    change = KeyChange(name="k", scopes=(Scope.MODELS_READ, Scope.MODELS_WRITE))
    _, key = people.keys.create(people.admin, change)
    headers = {"Authorization": f"Bearer {key}"}
    local = {"model_name": "m", "model_path": "/etc"}
    assert begin(api, local, headers=headers).status_code == 403
    assert begin(api, local).status_code == 200
    assert begin(api, {**OWN, "cache_uid": "d"}, headers=headers).status_code == 200
    assert api.simulate_post("/v1/downloads/d/pause", headers=headers).status_code == 200
    assert api.simulate_delete("/v1/downloads/d", headers=headers).status_code == 403
