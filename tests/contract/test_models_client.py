"""Models by every client: launched, watched, changed, used and ended."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.process.appliance import Appliance, wait_until

HELLO = [{"role": "user", "content": "one two three"}]
SLOW = {"model_name": "slow", "model_engine": "echo", "load_s": 600}


def slowly(request_id: str, **more: Any) -> dict[str, Any]:
    """What makes the echo engine speak for twenty seconds."""
    echo = {"chunks": 400, "chunk_delay_s": 0.05, **more}
    return {"stream": True, "request_id": request_id, "echo": echo}


def test_what_runs_is_listed_and_described(client: Any) -> None:
    listed = client.list_models()
    assert set(listed) == {"chat", "echo"}
    chat = listed["chat"]
    assert chat == client.describe_model("chat")
    assert (chat["model_type"], chat["model_format"]) == ("LLM", "ggufv2")
    assert (chat["replica"], chat["state"]) == (1, "ready")
    assert chat["created"] > 1_700_000_000
    assert "chat" in chat["model_ability"]


def test_a_chat_model_talks(client: Any) -> None:
    handle = client.get_model("chat")
    said = handle.chat(
        [{"role": "user", "content": "Say hello."}], generate_config={"max_tokens": 8}
    )
    assert said["model"] == "chat"
    assert said["choices"][0]["message"]["content"]
    assert 0 < said["usage"]["completion_tokens"] <= 8
    parts = list(handle.chat(HELLO, generate_config={"max_tokens": 8, "stream": True}))
    text = "".join(
        one["choices"][0]["delta"].get("content") or "" for one in parts if one["choices"]
    )
    assert text
    written = handle.generate("Once upon", generate_config={"max_tokens": 8})
    assert written["choices"][0]["text"]
    parts = list(handle.generate("Once upon", generate_config={"max_tokens": 8, "stream": True}))
    assert "".join(one["choices"][0]["text"] for one in parts if one["choices"])


def test_a_launch_takes_the_name_as_uid_and_a_suffix_when_it_is_taken(client: Any) -> None:
    assert client.launch_model("parrot", model_engine="echo") == "parrot"
    second = client.launch_model("parrot", model_engine="Echo")
    assert second.startswith("parrot-")
    assert len(second) == len("parrot-") + 8
    assert client.describe_model(second)["model_name"] == "parrot"
    with pytest.raises(RuntimeError, match="'parrot' is taken"):
        client.launch_model("parrot", model_engine="echo", model_uid="parrot")
    client.terminate_model("parrot")
    with pytest.raises(RuntimeError, match="There is no model 'parrot'"):
        client.describe_model("parrot")
    with pytest.raises(RuntimeError, match="There is no model 'parrot'"):
        client.terminate_model("parrot")


def test_every_parameter_of_a_launch(client: Any) -> None:
    uid = client.launch_model(
        "parrot",
        model_type="LLM",
        model_engine="echo",
        model_uid="all",
        model_size_in_billions=0.5,
        model_format="ggufv2",
        quantization="Q4_K_M",
        replica=2,
        n_worker=1,
        n_gpu=None,
        request_limits=7,
        worker_ip="local",
        envs={"SOME_VARIABLE": "x"},
        trust_remote_code=True,
        size_in_billions="0_5",
        slots=3,
    )
    assert uid == "all"
    described = client.describe_model("all")
    assert (described["replica"], described["replicas_ready"]) == (2, 2)
    assert described["model_size_in_billions"] in ("0.5", "0_5")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"model_engine": None}, "names no engine"),
        ({"model_engine": "ecko"}, "Did you mean 'echo'"),
        ({"n_worker": 2}, "n_worker"),
        ({"replica_config": [{"devices": []}]}, "replica_config"),
        ({"enable_virtual_env": True}, "enable_virtual_env"),
        ({"virtual_env_packages": ["x"]}, "virtual_env_packages"),
        ({"virtual_env_find_links": ["x"]}, "virtual_env_find_links"),
        ({"replica": 0}, "replica"),
        ({"n_gpu": -1}, "n_gpu"),
        ({"request_limits": -1}, "request_limits"),
        ({"model_uid": "x-rep0"}, "x-rep0"),
        ({"slotz": 1}, "Did you mean 'slots'"),
        ({"model_type": "image"}, "image"),
        ({"fail": "no weights in here"}, "no weights in here"),
        ({"worker_ip": "nowhere"}, "nowhere"),
    ],
)
def test_a_launch_that_cannot_be_says_why(client: Any, more: dict[str, Any], words: str) -> None:
    with pytest.raises(RuntimeError) as refused:
        client.launch_model("bad", **{"model_engine": "echo", **more})
    assert words in str(refused.value)
    assert "bad" not in client.list_models()


def test_a_launch_is_followed_until_it_serves(client: Any) -> None:
    nothing = client.get_launch_model_progress("later")
    assert (nothing["progress"], nothing["stage"]) == (0.0, "pending")
    client.launch_model("later", model_engine="echo", wait_ready=False, load_s=0.5)
    seen: list[dict[str, Any]] = []

    def completed() -> bool:
        seen.append(client.get_launch_model_progress("later"))
        return bool(seen[-1]["stage"] == "completed")

    wait_until("completed", completed)
    shares = [one["progress"] for one in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert seen[-1]["replicas"][0]["replica_model_uid"] == "later-rep0"
    (instance,) = client.get_instance_info("", "later")
    assert (instance["status"], instance["replica"]) == ("READY", 1)
    assert instance["replica_statuses"][0]["worker_address"]


def test_what_one_process_has_terminated_no_other_serves(one: Appliance) -> None:
    for _ in range(8):
        launch = {"model_name": "brief", "model_uid": "brief", "model_engine": "echo"}
        assert one.request("POST", "/v1/models", launch)[0] == 200
        assert one.chat("brief")[0] == 200
        assert one.request("DELETE", "/v1/models/brief")[0] == 200
        assert [one.chat("brief")[0] for _ in range(4)] == [404] * 4


def test_a_launch_is_cancelled_and_who_waits_for_it_is_told(client: Any, one: Appliance) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(one.request, "POST", "/v1/models", SLOW)
        wait_until("it is launching", lambda: "slow" in client.list_models())
        client.cancel_launch_model("slow")
        status, said = waiting.result(60)
    assert (status, "terminated while" in said["detail"]) == (499, True)
    assert "slow" not in client.list_models()
    with pytest.raises(RuntimeError, match="there is no launch to cancel"):
        client.cancel_launch_model("echo")


def test_one_certain_replica_goes_and_the_others_keep_their_processes(
    client: Any, one: Appliance
) -> None:
    client.launch_model("many", model_engine="echo", replica=2)
    added = client.add_model_replica("many", replica=2)
    assert [each["replica_id"] for each in added["replicas"]] == [2, 3]
    one.wait_ready({"chat": 1, "echo": 1, "many": 4})

    def pids() -> dict[int, int]:
        _, listed = one.request("GET", "/v1/models/many/replicas")
        return {each["replica_id"]: each["pid"] for each in listed}

    before = pids()
    assert client.terminate_model_replica("many", 1) == 3
    one.wait_ready({"chat": 1, "echo": 1, "many": 3})
    left = {index: pid for index, pid in before.items() if index != 1}
    wait_until("the others are left", lambda: pids() == left)
    with pytest.raises(RuntimeError, match="has no replica 1"):
        client.terminate_model_replica("many", 1)
    single = client.add_model_replica("many")
    assert (single["replica_id"], single["replica_model_uid"]) == (1, "many-rep1")
    assert single["worker_address"]
    with pytest.raises(RuntimeError, match="There is no model 'nobody'"):
        client.add_model_replica("nobody")


def test_a_request_is_aborted_by_its_id_whichever_process_has_it(client: Any) -> None:
    for number in range(4):
        # Every connection may be another process's: some of the aborts cross over.
        rid = f"long-{number}-{uuid.uuid4().hex}"
        stream = client.get_model("echo").chat(HELLO, generate_config=slowly(rid))
        next(stream)
        assert client.abort_request("echo", rid) == {"msg": "DONE"}
        with pytest.raises(Exception, match="was aborted"):
            list(stream)
        with pytest.raises(RuntimeError, match="aborted before it came"):
            client.get_model("echo").chat(HELLO, generate_config={"request_id": rid})
    assert client.abort_request("echo", "never-seen", 0) == {"msg": "NOT_FOUND"}
    assert client.abort_request("nobody", "r") == {"msg": "NO_OP"}


def test_a_request_that_waits_for_its_whole_reply_is_aborted_too(client: Any) -> None:
    rid = f"whole-{uuid.uuid4().hex}"
    with ThreadPoolExecutor(1) as pool:
        config = {"request_id": rid, "echo": {"hang": True}}
        waiting = pool.submit(client.get_model("echo").chat, HELLO, generate_config=config)
        wait_until("it runs", lambda: client.abort_request("echo", rid, 0) == {"msg": "DONE"})
        with pytest.raises(RuntimeError, match="was aborted"):
            waiting.result(60)
    # Not blocked, so the id may come again.
    again = client.get_model("echo").chat(HELLO, generate_config={"request_id": rid})
    assert again["choices"][0]["message"]["content"]


def test_the_desired_models_are_those_that_start_by_themselves(client: Any) -> None:
    launch = {"model_name": "auto", "model_engine": "echo", "envs": {"SECRET": "hush"}}
    made = client.upsert_autostart_model({"launch": launch, "max_retries": 2})
    (entry,) = [each for each in made["models"] if each["launch"]["model_uid"] == "auto"]
    assert (entry["enabled"], entry["max_retries"]) == (True, 2)
    assert entry["launch"]["envs"] == {"SECRET": "******"}
    wait_until("it runs", lambda: client.describe_model("auto")["state"] == "ready")
    # What was shown can be sent back, secrets and all.
    entry["launch"]["replica"] = 2
    client.upsert_autostart_model(entry)
    wait_until("it grew", lambda: client.describe_model("auto")["replicas_ready"] == 2)
    kept = client.get_autostart_config()["models"]
    assert next(one for one in kept if one["launch"]["model_uid"] == "auto")["max_retries"] == 2
    uids = [each["model_uid"] for each in client.get_autostart_model_summary()["models"]]
    assert sorted(uids) == ["auto", "chat", "echo"]
    left = client.remove_autostart_model("auto")
    assert {"enabled": True, "model_uid": "auto"} not in left["models"]
    assert client.remove_autostart_model("auto") == left
    with pytest.raises(RuntimeError, match="enabled"):
        client.upsert_autostart_model({"enabled": False, "launch": launch})


def test_a_version_that_the_catalog_lists_is_launched(client: Any, one: Appliance) -> None:
    _, versions = one.request("GET", "/v1/models/LLM/qwen2.5-instruct/versions")
    version = next(each for each in versions if each["model_format"] == "ggufv2")
    body = {"model_uid": "v", "model_engine": "echo", "model_type": "LLM"}
    status, said = one.request("POST", "/v1/models/instance", {**body, "model_version": "nope"})
    assert (status, "model version 'nope'" in said["detail"]) == (400, True)
    body["model_version"] = version["model_version"]
    assert one.request("POST", "/v1/models/instance", body) == (200, {"model_uid": "v"})
    described = client.describe_model("v")
    assert described["model_name"] == "qwen2.5-instruct"
    assert described["quantization"] == version["quantization"]


def test_options_are_exchanged_while_the_model_serves(client: Any, one: Appliance) -> None:
    client.launch_model("re", model_engine="echo", slots=2)

    def pids() -> list[int]:
        return [each["pid"] for each in one.request("GET", "/v1/models/re/replicas")[1]]

    answered: list[str] = []
    (before,) = pids()
    handle = client.get_model("re")
    begun = client.reload_model("re", {"slots": 3, "load_s": 0.5})
    assert (begun["stage"], begun["model_config"]["slots"]) == ("loading", 3)

    def done() -> bool:
        answered.append(handle.chat(HELLO)["choices"][0]["message"]["content"])
        return bool(client.get_model_reload_status("re")["stage"] == "ready")

    wait_until("the other one serves", done)
    assert set(answered) == {"one two three"}
    wait_until("the old one has left", lambda: len(now := pids()) == 1 and before not in now)
    shown = client.get_model_reload_config("re")["parameters"]
    assert {each["name"]: each["value"] for each in shown}["slots"] == 3
    with pytest.raises(RuntimeError, match="Did you mean 'slots'"):
        client.reload_model("re", {"slotz": 1})
    with pytest.raises(RuntimeError, match="There is no model 'nobody'"):
        client.reload_model("nobody", {})


def test_more_replicas_are_as_the_others_are(client: Any) -> None:
    for other in ({"replica_config": {"devices": []}}, {"model_engine": "echo"}, {"n_gpu": 1}):
        with pytest.raises(RuntimeError, match=f"{next(iter(other))}: this is not supported"):
            client.add_model_replica("echo", **other)


def test_no_progress_of_requests_is_known(client: Any) -> None:
    with pytest.raises(RuntimeError, match="No progress"):
        client.get_progress("r")
