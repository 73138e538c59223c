"""Our own clients: streams that are left, recipes, and what only a server of xinfer answers."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import xinfer.client as ours
from tests.contract.checked import Checked, fits
from tests.contract.official import connect
from tests.process.appliance import Appliance, wait_until
from xinfer.client.catalog import list_summaries
from xinfer.client.results.catalog import FamilySummary

PAGE = Path(__file__).parents[2] / "docs" / "client.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
DEFAULT = "http://127.0.0.1:9997"
HELLO = [{"role": "user", "content": "one two three"}]
SLOW = {"stream": True, "echo": {"chunks": 4000, "chunk_delay_s": 0.05}}


@pytest.fixture(params=["ours", "ours async"])
def client(one: Appliance, request: pytest.FixtureRequest) -> Iterator[Any]:
    made = connect(request.param, one.url)
    yield made
    made.close()


def in_flight(one: Appliance, model: str) -> float:
    _, text = one.request("GET", "/metrics")
    name = re.escape(f'xinfer_requests_in_flight{{model="{model}"}}')
    return sum(float(each) for each in re.findall(rf"^{name} (\S+)$", text, re.MULTILINE))


@pytest.mark.parametrize("call", ["chat", "generate"])
def test_a_stream_that_is_closed_ends_its_generation(
    client: Any, one: Appliance, call: str
) -> None:
    stream = getattr(client.get_model("echo"), call)(
        HELLO if call == "chat" else "one two", generate_config=SLOW
    )
    assert next(stream)["model"] == "echo"
    wait_until("it is in flight", lambda: in_flight(one, "echo") == 1)
    stream.close()
    wait_until("the server sees that nobody listens", lambda: in_flight(one, "echo") == 0)
    # The connection is not left in a state that harms the next call.
    assert "echo" in client.list_models()


def test_a_log_is_followed_until_it_is_left(client: Any, one: Appliance) -> None:
    client.launch_model("chatty", model_engine="echo")
    lines = client.get_logs("chatty", follow=True)
    assert next(lines)
    lines.close()
    tail = list(client.get_logs("chatty", tail=1))
    assert len(tail) == 1
    client.terminate_model("chatty")


def test_a_recipe_is_put_on_top_of_what_was_read(client: Any) -> None:
    read = client.get_recipe()
    models = [each for each in read["models"] if each["origin"] == "recipe"]
    more = {**models[-1], "uid": "more"}
    changes = client.put_recipe(read["recipe"], [*models, more], expected=read["revision"])
    assert changes["added"] == ["more"]
    with pytest.raises(RuntimeError, match="is at revision") as refused:
        client.put_recipe(read["recipe"], models, expected=read["revision"])
    assert refused.value.status == 409
    client.put_recipe(read["recipe"], models, expected=changes["revision"])
    wait_until("it is gone", lambda: "more" not in client.list_models())


def test_what_only_a_server_of_xinfer_answers(client: Any) -> None:
    (replica,) = client.list_replicas("echo")
    assert replica["replica_model_uid"] == "echo-rep0"
    (spans,) = client.get_timeline("echo")
    assert spans["phases"][-1]["phase"] == "ready"
    client.get_model("echo").chat(HELLO)
    wait_until("it is counted", lambda: any(day["requests"] for day in client.get_usage()))
    assert client.list_downloads() == []
    assert client.get_version()["version"]
    assert client.get_device_count() >= 0
    assert client.get_status()["uptime"] >= 0
    assert client.list_engines()
    gguf = {"model_name": "qwen2.5-instruct", "quantization": "q4_0"}
    small = client.estimate_memory("0_5", "ggufv2", 2048, **gguf)
    large = client.estimate_memory(7000, "pytorch", 2048)
    assert small["total_bytes"] < 7000 * 2e9 < large["total_bytes"]
    assert [node["fits"] for node in large["nodes"]] == [False]


@pytest.mark.parametrize(
    ("kind", "method", "given"),
    [
        ("Image", "text_to_image", ("a horse",)),
        ("Image", "image_to_image", (b"PNG", "a horse")),
        ("Image", "image_edit", ([b"PNG", b"PNG"], "a horse")),
        ("Image", "inpainting", (b"PNG", b"PNG", "a horse")),
        ("Image", "ocr", (b"PNG",)),
        ("Audio", "transcriptions", (b"RIFF",)),
        ("Audio", "translations", (b"RIFF",)),
        ("Audio", "speech", ("hello",)),
        ("Audio", "create_embedding", (b"RIFF",)),
        ("Video", "text_to_video", ("a horse",)),
        ("Video", "image_to_video", (b"PNG", "it runs")),
        ("Video", "flf_to_video", (b"PNG", b"PNG", "it runs")),
        ("World", "generate", ("a field",)),
        ("Flexible", "infer", (1, 2)),
    ],
)
def test_what_no_engine_does_is_refused_in_the_servers_words(
    one: Appliance, kind: str, method: str, given: tuple[Any, ...]
) -> None:
    with ours.RESTfulClient(one.url) as client:
        handle = getattr(ours, f"RESTful{kind}ModelHandle")(client, "x")
        with pytest.raises(ours.ClientError, match="There is no engine for") as refused:
            getattr(handle, method)(*given)
    assert refused.value.status == 501


def test_replies_of_every_call_are_what_they_are_said_to_be(one: Appliance) -> None:
    """Of the client that holds them against their types, those that are read nowhere else."""
    client = connect("ours", one.url)
    client.launch_model("bad", model_engine="echo", wait_ready=False, fail="no weights in here")
    causes = wait_until(
        "it failed", lambda: [each["cause"] for each in client.get_timeline("bad") if each["cause"]]
    )
    assert "no weights in here" in causes[0]["summary"]
    assert client.get_events("bad")
    assert client.list_replicas("bad")[0]["error_message"]
    client.terminate_model("bad")
    for kind in ("LLM", "embedding", "rerank", "image", "audio", "video"):
        briefly = client.list_model_registrations(kind)
        wholly = client.list_model_registrations(kind, detailed=True)
        assert [each["model_name"] for each in wholly] == [each["model_name"] for each in briefly]
        assert client.get_model_registration(kind, briefly[0]["model_name"]) == wholly[0]
        fits(client.run(list_summaries(kind)), list[FamilySummary])
        assert client.get_model_versions(kind, briefly[-1]["model_name"])
        assert client.query_engine_by_model_name(briefly[-1]["model_name"], kind)
    _, node = client.get_cluster_info(detailed=True)
    assert node["mem_total"] > 0
    assert len(client.get_cluster_info()) == 2
    handle = client.get_model("echo")
    assert handle.chat(HELLO, generate_config={"logprobs": True})["choices"]


@pytest.mark.parametrize("block", BLOCKS)
def test_the_page_of_the_client_does_what_it_says(one: Appliance, block: str) -> None:
    assert DEFAULT in block
    code = block.replace(DEFAULT, one.url)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


@pytest.mark.parametrize("kind", ["Embedding", "Rerank"])
def test_numbers_are_what_they_are_said_to_be(one: Appliance, kind: str) -> None:
    with ours.RESTfulClient(one.url) as client:
        if kind == "Embedding":
            handle = Checked(ours.RESTfulEmbeddingModelHandle(client, "echo"))
            assert len(handle.create_embedding(["a", "b"])["data"]) == 2
        else:
            handle = Checked(ours.RESTfulRerankModelHandle(client, "echo"))
            assert handle.rerank(["a cat", "a dog"], "cat")["results"][0]["index"] == 0
