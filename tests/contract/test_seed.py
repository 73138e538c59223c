"""Every line and snippet that users of Xinference begin with does here what it does there."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract import first_steps as steps
from tests.contract.first_steps import Beginner, stand_in
from tests.hub.server import HubServer, serving
from tests.hub.speaker import WORD, write_speaker

TRANSFORMERS = os.environ.get("XINFER_TEST_TRANSFORMERS", "")
HUGGINGFACE, MODELSCOPE = "Qwen/Qwen2.5-0.5B-Instruct", "qwen/Qwen2.5-0.5B-Instruct"
WEIGHTS = "model.safetensors"
ENDS = "Ctrl-C ends it"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    """Both hubs, with a small model where the catalog says that the large one is."""
    folder = tmp_path_factory.mktemp("hub")
    for repo in (HUGGINGFACE, MODELSCOPE):
        write_speaker(folder / repo)
    with serving(folder) as server:
        yield server


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vllm") / "command.json"


def beginner(folder: Path, hub: HubServer, lent: dict[str, str], **more: str) -> Beginner:
    addresses = {"HF_ENDPOINT": hub.url, "MODELSCOPE_ENDPOINT": hub.url}
    return Beginner(folder, lent, **addresses, **more)


@pytest.fixture(scope="module")
def me(
    tmp_path_factory: pytest.TempPathFactory, hub: HubServer, record: Path
) -> Iterator[Beginner]:
    """A user with a local server, vLLM's stand-in, and Transformers where it is installed."""
    lent = {"vllm": stand_in(record)} | ({"transformers": TRANSFORMERS} if TRANSFORMERS else {})
    made = beginner(tmp_path_factory.mktemp("seed"), hub, lent)
    try:
        said = made.serve(steps.HOMED, ENDS)
        assert re.search(rf"supervisor +ready +{made.url}$", said, re.M), said
        assert re.search(r"node local +joined ", said), said
        assert re.search(rf"^ready in .*: {made.url}/v1$", said, re.M), said
        yield made
        assert made.leave() == [0]
    finally:
        made.destroy()


@pytest.fixture
def model(me: Beginner, hub: HubServer) -> Iterator[str]:
    """The model of the text, launched by the line for the shell."""
    hub.asked.clear()
    assert me.do(steps.LAUNCH, "shell", "transformers") == f"Model uid: {steps.NAME}\n"
    yield steps.NAME
    me.request("DELETE", f"/v1/models/{steps.NAME}")


needs_engine = pytest.mark.skipif(
    not TRANSFORMERS, reason="XINFER_TEST_TRANSFORMERS names no interpreter with it"
)


def test_the_home_the_pages_and_the_overview(me: Beginner) -> None:
    assert (me.home / "state" / "xinfer.db").exists()
    assert me.home.name == "xinference"
    for page in ("ui", "docs"):
        shown = me.type(f"curl -sSL -o /dev/null -w '%{{http_code}}' {me.url}/{page}")
        assert shown.stdout == "200", page
    overview = me.type("xinfer --help").stdout
    for option in ("-v, --version", "--log-level", "-H, --host", "-p, --port", "--help"):
        assert re.search(rf"^ +(-h, )?{option}\b", overview, re.M), option
    listed = set(re.findall(r"^  ([a-z-]+) ", overview.partition("Commands:")[2], re.M))
    assert set(steps.COMMANDS) <= listed


def test_engines_and_what_they_can_run(me: Beginner) -> None:
    rows = []
    for line in steps.ENGINES:
        shown = me.type(line)
        assert shown.returncode == 0, shown.stderr
        head, *body = shown.stdout.splitlines()
        assert head.split()[:3] == ["Name", "Engine", "Format"]
        rows.append({tuple(row.split()[:3]) for row in body})
    every, by_vllm, as_gguf = rows
    assert {engine for _, engine, _ in every} >= {"vLLM", "llama.cpp"}
    assert by_vllm == {("qwen-chat", "vLLM", "pytorch")} <= every
    assert as_gguf == {("qwen-chat", "llama.cpp", "ggufv2")} <= every


@pytest.mark.parametrize("way", steps.WAYS)
def test_families(me: Beginner, way: str) -> None:
    listed = me.do(steps.REGISTRATIONS, way)
    assert re.search(rf"\b{steps.NAME}\b", listed)
    assert re.search(r"\bqwen-chat\b", listed)


@needs_engine
def test_a_model_is_launched_listed_asked_and_ended_from_the_shell(
    me: Beginner, model: str, hub: HubServer
) -> None:
    assert {one.path.split("/resolve/")[0] for one in hub.gets(WEIGHTS)} == {f"/{HUGGINGFACE}"}
    (row,) = me.do(steps.LIST, "shell").splitlines()[1:]
    assert row.split()[:6] == [model, "LLM", model, "pytorch", "0_5", "none"]
    for way in ("curl", "python", "xinference_client"):
        reply = json.loads(me.do(steps.CHAT, way).partition("None")[0])
        assert (reply["object"], reply["model"]) == ("chat.completion", model)
        (choice,) = reply["choices"]
        assert choice["message"] == {"role": "assistant", "content": WORD}
        assert choice["finish_reason"] == "stop"
        assert reply["usage"]["completion_tokens"] >= len(WORD)
        assert reply["usage"]["prompt_tokens"] > len("What is the largest animal?")
        assert reply["created"] > 0
    printed, _ = me.execute(steps.CHAT["openai"])
    assert f"content='{WORD}'" in printed
    me.do(steps.TERMINATE, "shell")
    assert model not in me.models()


@needs_engine
@pytest.mark.parametrize("way", steps.WAYS[1:])
def test_a_model_is_launched_listed_and_ended(me: Beginner, way: str) -> None:
    launched = me.do(steps.LAUNCH, way, "transformers")
    assert steps.NAME in launched
    found = me.models()[steps.NAME]
    assert (found["model_format"], found["model_size_in_billions"]) == ("pytorch", "0_5")
    assert me.chat(steps.NAME)[1]["choices"][0]["message"]["content"] == WORD
    assert steps.NAME in me.do(steps.LIST, way)
    me.do(steps.TERMINATE, way)
    assert steps.NAME not in me.models()


def test_another_hub_an_option_of_the_engine_and_a_key_where_others_can_connect(
    tmp_path: Path, hub: HubServer, record: Path
) -> None:
    ignored = {"XINFERENCE_ALLOWED_IPS": "10.0.0.1"}
    one = beginner(tmp_path, hub, {"vllm": stand_in(record)}, host="0.0.0.0", **ignored)
    try:
        said = one.serve(steps.FROM_MODELSCOPE, ENDS)
        key = one.home / "run" / "admin.key"
        assert f"the admin key is in {key}" in said
        assert "not used here: XINFERENCE_ALLOWED_IPS" in said
        assert "API key" in one.type(steps.LIST["curl"]).stdout
        refused = one.type(steps.LIST["shell"])
        assert (refused.returncode, str(key) in refused.stderr) == (1, True)
        hub.asked.clear()
        launched = one.type(f"XINFER_API_KEY=$(cat {key}) {steps.WITH_OPTION}")
        assert launched.stdout == f"Model uid: {steps.NAME}\n", launched.stderr
        command = json.loads(record.read_text())
        assert command[command.index("--gpu-memory-utilization") + 1] == "0.9"
        assert {one.path.split("/repo")[0] for one in hub.gets(WEIGHTS)} == {
            f"/api/v1/models/{MODELSCOPE}"
        }
        header = f'-H "Authorization: Bearer $(cat {key})"'
        listed = one.type(steps.LIST["curl"].replace("curl", f"curl {header}"))
        assert json.loads(listed.stdout)["data"][0]["id"] == steps.NAME
    finally:
        one.destroy()


def test_a_supervisor_and_a_worker(tmp_path: Path, hub: HubServer, record: Path) -> None:
    hosts = {"supervisor_host": "127.0.0.1", "worker_host": "127.0.0.1"}
    one = beginner(tmp_path, hub, {"vllm": stand_in(record)}, **hosts)
    try:
        said = one.serve(f"{steps.SUPERVISOR} -p {one.port}", ENDS)
        assert re.search(rf"supervisor +ready +{one.url}$", said, re.M), said
        # Two roles in one home: the second gets a home below the first's.
        workshop = one.home / "workers" / socket.gethostname()
        joined = one.serve(steps.WORKER, ENDS, home=workshop)
        assert f"node {socket.gethostname()} has joined {one.url}" in joined
        launched = one.type(steps.IN_CLUSTER)
        assert launched.stdout == f"Model uid: {steps.NAME}\n", launched.stderr
        assert "engine: vLLM" in launched.stderr
        (replica,) = one.request("GET", f"/v1/models/{steps.NAME}/replicas")[1]
        assert replica["node"] == socket.gethostname()
        assert one.leave() == [0, 0]
    finally:
        one.destroy()
