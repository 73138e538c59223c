"""`/v1/models` and what lies under it, as the peer's clients and ours use them."""

from __future__ import annotations

import json
from typing import Any

import falcon.testing
import pytest

from tests.unit.services.conftest import House
from xinfer.domain.identity import Principal, Scope
from xinfer.domain.model import Hub, Limits, ModelKind, ModelSpec, Placement, Source
from xinfer.domain.replica import Phase
from xinfer.errors import Forbidden
from xinfer.services.launch_rights import LaunchRights

Client = falcon.testing.TestClient


def launch(api: Client, wait: bool = False, **body: Any) -> Any:
    given = {"model_name": "m", "model_engine": "free", **body}
    suffix = "" if wait else "?wait_ready=false"
    return api.simulate_post(f"/v1/models{suffix}", json=given)


def test_a_launch_is_listed_described_and_terminated(api: Client, house: House) -> None:
    assert launch(api).json == {"model_uid": "m"}
    house.settle(Phase.READY)
    (listed,) = api.simulate_get("/v1/models").json["data"]
    assert listed == api.simulate_get("/v1/models/m").json
    expected = {
        "id": "m",
        "object": "model",
        "created": 10_000,
        "model_type": "LLM",
        "model_name": "m",
        "model_engine": "free",
        "model_ability": ["chat", "generate"],
        "replica": 1,
        "replicas_ready": 1,
        "state": "ready",
        "address": "127.0.0.1:4000",
        "origin": "api",
        "restarts": 0,
    }
    assert {key: listed[key] for key in expected} == expected
    assert api.simulate_delete("/v1/models/m").json is None
    assert api.simulate_get("/v1/models").json == {"object": "list", "data": []}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (
            {"model_name": "qwen2.5-vl-instruct", "model_format": "gguf"},
            {
                "model_ability": ["chat", "vision"],
                "context_length": 128000,
                "model_lang": ["en", "zh"],
                "model_format": "ggufv2",
            },
        ),
        ({"model_name": "nobody-knows"}, {"context_length": None, "model_lang": []}),
        (
            {"model_name": "bge-m3", "model_type": "embedding"},
            {"model_ability": ["embed"], "dimensions": 1024, "max_tokens": 8192},
        ),
    ],
)
def test_what_the_catalog_knows_is_told(
    api: Client, asked: dict[str, Any], expected: dict[str, Any]
) -> None:
    launch(api, **asked, model_uid="m")
    described = api.simulate_get("/v1/models/m").json
    assert {key: described[key] for key in expected} == expected
    assert [described] == api.simulate_get("/v1/models").json["data"]
    (instance,) = api.simulate_get("/v1/models/instances").json
    assert instance["model_ability"] == described["model_ability"]


def test_an_instance_names_its_version(api: Client) -> None:
    body = {"model_version": "qwen2.5-instruct--0_5B--ggufv2--q4_0", "model_engine": "free"}
    query = "?wait_ready=false"
    assert api.simulate_post(f"/v1/models/instance{query}", json=body).status_code == 200
    (instance,) = api.simulate_get("/v1/models/instances").json
    assert instance["model_version"] == body["model_version"]


def test_the_context_is_the_one_that_runs(api: Client, house: House) -> None:
    launch(api, model_name="qwen2.5-instruct", replica=2)
    assert api.simulate_get("/v1/models/qwen2.5-instruct").json["context_length"] == 32768
    house.context = 4096
    house.settle(Phase.READY)
    assert api.simulate_get("/v1/models/qwen2.5-instruct").json["context_length"] == 4096


def test_the_list_follows_every_change_and_is_read_once_between(
    api: Client, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch(api)
    house.settle(Phase.LOADING)
    assert api.simulate_get("/v1/models").json["data"][0]["state"] == "loading"
    reads: list[int] = []
    observed = house.store.observed
    monkeypatch.setattr(house.store, "observed", lambda: (reads.append(1), observed())[1])
    for _ in range(5):
        api.simulate_get("/v1/models")
    assert reads == []
    house.report(Phase.READY)
    assert api.simulate_get("/v1/models").json["data"][0]["state"] == "ready"


def test_the_peers_keys_and_ours_become_one_spec(api: Client, house: House) -> None:
    reply = launch(
        api,
        model_name="qwen",
        model_uid="chat",
        model_engine="Paper",
        model_size_in_billions="0_5",
        model_format="ggufv2",
        quantization="Q4_K_M",
        replica="2",
        n_gpu=2,
        gpu_idx=[0, 1],
        worker_ip="a",
        request_limits=3,
        envs={"A": "b"},
        memory="2GiB",
        source={"huggingface": "org/repo", "revision": "v1", "files": "*.gguf"},
        engine_kwargs={"threads": 2},
        n_ctx=8192,
        n_worker=1,
        enable_virtual_env=None,
    )
    assert reply.json == {"model_uid": "chat"}
    spec = house.store.desired().models["chat"]
    assert (spec.family, spec.size, spec.format, spec.replicas) == ("qwen", "0.5", "ggufv2", 2)
    assert spec.options == {"threads": 2, "n_ctx": 8192}
    assert spec.source == Source(
        hub=Hub.HUGGINGFACE, ref="org/repo", revision="v1", files=("*.gguf",)
    )
    assert spec.placement == Placement(node="a", n_gpu=2, gpu_idx=(0, 1))
    assert spec.limits == Limits(max_in_flight=3)
    assert (spec.env, spec.memory_bytes) == ({"A": "b"}, 2 * 1024**3)


def test_other_spellings_mean_the_same(api: Client, house: House) -> None:
    launch(api, size_in_billions=7, n_gpu=None, model_type="Embedding", gpu_idx=1)
    spec = house.store.desired().models["m"]
    assert (spec.size, spec.kind) == ("7", ModelKind.EMBEDDING)
    assert spec.placement == Placement(n_gpu=None, gpu_idx=(1,))
    launch(api, model_name="other", model_engine="paper", model_path="/weights.gguf")
    source = house.store.desired().models["other"].source
    assert source == Source(hub=Hub.PATH, ref="/weights.gguf")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"model_name": ""}, "model_name"),
        ({"model_engine": None}, "model_engine"),
        ({"model_engine": "fre"}, "Did you mean 'free'?"),
        ({"model_type": "LLN"}, "Did you mean 'LLM'?"),
        ({"model_engine": "paper"}, "source with a hub"),
        ({"source": {"hugingface": "a/b"}}, "Did you mean 'huggingface'?"),
        ({"source": {"path": "/a", "package": "b"}}, "path and package"),
        ({"source": {"revision": "v1"}}, "exactly one of"),
        ({"source": {"path": 7}}, "Expected `str`"),
        ({"source": {"path": "/a"}, "model_path": "/b"}, "not both"),
        ({"replica": 0}, "at least 1"),
        ({"replica": "two"}, "at least 1"),
        ({"replica": 1.5}, "replica"),
        ({"n_gpu": 0}, "n_gpu"),
        ({"n_gpu": "all"}, "n_gpu"),
        ({"memory": "lots"}, "2GiB"),
        ({"request_limits": -1}, "request_limits"),
        ({"n_worker": 2}, "n_worker"),
        ({"replica_config": [{}]}, "worker_ip"),
        ({"n_ctz": 3}, "Did you mean 'n_ctx'?"),
        ({"envs": {"A": 1}}, "Expected `str`"),
        ({"model_uid": "../x"}, "not usable"),
    ],
)
def test_a_wrong_launch_is_told_what_is_wrong(
    api: Client, house: House, body: dict[str, Any], words: str
) -> None:
    reply = launch(api, **body)
    assert reply.status_code == 400
    assert words in reply.json["detail"]
    assert house.store.desired().revision == 0


def test_what_another_process_just_did_is_in_the_list(api: Client, house: House) -> None:
    launch(api)
    assert len(api.simulate_get("/v1/models").json["data"]) == 1
    house.store.write_desired({}, expected=house.store.desired().revision)
    assert api.simulate_get("/v1/models").json["data"] == []


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe"])
def test_a_body_that_is_no_object_is_refused(api: Client, raw: bytes) -> None:
    reply = api.simulate_post("/v1/models", body=raw)
    assert reply.status_code == 400
    assert "launch cannot be read" in reply.json["detail"]


def test_a_body_that_is_far_too_large_is_refused(api: Client) -> None:
    reply = api.simulate_post("/v1/models", body=b'{"a":"' + b"x" * 17 * 1024 * 1024 + b'"}')
    assert reply.status_code == 413
    assert "larger than" in reply.json["detail"]


def test_waiting_for_a_launch_answers_with_the_cause_of_its_failure(
    api: Client, house: House
) -> None:
    house.script = [lambda: house.settle(Phase.READY)]
    assert launch(api, wait=True).json == {"model_uid": "m"}
    house.script = [lambda: house.settle(Phase.FAILED)]
    reply = launch(api, wait=True, model_name="bad")
    assert reply.status_code == 503
    assert "failed while loading: weights of cheese" in reply.json["detail"]
    assert [one["id"] for one in api.simulate_get("/v1/models").json["data"]] == ["m"]


def test_a_taken_uid_and_an_unknown_one_are_bad_requests(api: Client) -> None:
    launch(api)
    assert launch(api, model_uid="m").status_code == 400
    assert launch(api).json["model_uid"].startswith("m-")
    for method in ("GET", "DELETE"):
        reply = api.simulate_request(method, "/v1/models/n")
        assert reply.status_code == 400
        assert "There is no model 'n'" in reply.json["detail"]


def test_what_the_replicas_do(api: Client, house: House) -> None:
    launch(api, replica=2)
    house.settle(Phase.DOWNLOADING)
    replicas = api.simulate_get("/v1/models/m/replicas").json
    assert [one["replica_id"] for one in replicas] == [0, 1]
    assert [one["replica_model_uid"] for one in replicas] == ["m-rep0", "m-rep1"]
    assert {one["status"] for one in replicas} == {"LOADING"}
    assert {one["worker_address"] for one in replicas} == {"127.0.0.1:9001"}
    progress = api.simulate_get("/v1/models/m/progress").json
    assert 0 < progress["progress"] < 0.5
    assert progress["stage"] == "downloading"
    timeline = api.simulate_get("/v1/models/m/timeline").json
    assert timeline[0]["replica_id"] == "m-rep0"
    assert [span["phase"] for span in timeline[0]["phases"]] == ["queued", "loading", "downloading"]
    assert timeline[0]["phases"][0]["seconds"] == 1.5
    house.report(Phase.FAILED)
    failed = api.simulate_get("/v1/models/m/replicas").json[0]
    assert (failed["status"], failed["error_message"]) == ("ERROR", "weights of cheese")
    cause = api.simulate_get("/v1/models/m/timeline").json[0]["cause"]
    assert (cause["summary"], cause["tail"]) == ("weights of cheese", ["a", "b"])
    events = api.simulate_get("/v1/models/m/events").json
    assert events[0].keys() == {"event_type", "event_ts", "event_content"}
    assert events[0]["event_type"] == "assigned"
    house.report(Phase.READY)
    done = api.simulate_get("/v1/models/m/progress").json
    assert (done["progress"], done["stage"]) == (1.0, "completed")


def test_an_unknown_uid_has_no_replicas_and_no_progress(api: Client) -> None:
    assert api.simulate_get("/v1/models/n/replicas").json == []
    progress = api.simulate_get("/v1/models/n/progress").json
    assert (progress["progress"], progress["stage"]) == (0.0, "pending")


def test_a_registered_family_reaches_no_local_file_past_the_rights(
    api: Client, house: House
) -> None:
    spec = {"model_format": "ggufv2", "quantization": "q", "model_size_in_billions": 1}
    spec |= {"model_uri": "/etc/passwd", "model_file_name_template": "{quantization}.gguf"}
    family = {"version": 2, "model_name": "sly", "model_lang": ["en"], "model_ability": ["chat"]}
    family |= {"model_family": "sly", "model_specs": [spec]}
    house.registrations.register("LLM", "sly", json.dumps(family))
    resolved = house.models.resolved(ModelSpec(uid="sly", engine="paper"))
    with pytest.raises(Forbidden, match="/etc/passwd"):
        LaunchRights().check(
            Principal(id="g", name="guest", scopes=frozenset({Scope.MODELS_WRITE})), resolved
        )
