"""Transformers for real: SmolLM2-135M on a processor, in the environment that a variable names."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.process.engines.installed import Installed, install
from tests.process.engines.safetensors import make
from tests.process.engines.served import Served, is_idle
from xinfer.domain.engine import Files
from xinfer.domain.model import JsonValue, ModelSpec

PYTHON = os.environ.get("XINFER_TEST_TRANSFORMERS", "")
pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(not PYTHON, reason="XINFER_TEST_TRANSFORMERS names no interpreter with it"),
    pytest.mark.timeout(600),
]
STARTS_WITHIN_S = 300.0
BATCHED: dict[str, JsonValue] = {
    "continuous_batching": True,
    "cb_num_blocks": 32,
    "cb_max_batch_tokens": 512,
}
MESSAGES = [{"role": "user", "content": "Tell me a story about a fox."}]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(PYTHON, tmp_path_factory.mktemp("smollm2"))


@pytest.fixture(scope="module")
def engines(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Installed]]:
    """One that answers requests one after the other, and one with continuous batching."""
    specs = [
        ModelSpec(uid="chat", engine="transformers"),
        ModelSpec(uid="batch", engine="transformers", options=BATCHED),
    ]
    files = Files(root=model)
    one = install(tmp_path_factory.mktemp("transformers"), specs, files, PYTHON)
    try:
        yield [Installed(one, spec, files, PYTHON).ready(STARTS_WITHIN_S) for spec in specs]
    finally:
        one.destroy()


@pytest.fixture(scope="module")
def engine(engines: list[Installed]) -> Installed:
    return engines[0]


@pytest.fixture(scope="module")
def batched(engines: list[Installed]) -> Installed:
    return engines[1]


def chat(engine: Served, **more: Any) -> Any:
    return engine.chat(model=engine.command.served_model, messages=MESSAGES, **more)


def stream(engine: Served, **more: Any) -> list[tuple[float, Any]]:
    """Each event of a streamed chat, with the time when it came."""
    name = engine.command.served_model
    body = {"model": name, "messages": MESSAGES, "temperature": 0, "stream": True, **more}
    with closing(http.client.HTTPConnection(engine.address, timeout=120)) as connection:
        head = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), head)
        lines = ((time.monotonic(), line) for line in connection.getresponse())
        return [(when, json.loads(line[6:])) for when, line in lines if line.startswith(b"data: ")]


def test_it_answers_under_the_name_that_the_command_says(engine: Installed) -> None:
    reply = chat(engine)
    assert reply["choices"][0]["message"]["content"]
    assert reply["usage"]["completion_tokens"] == 8


def test_a_request_is_stopped_where_it_asks_to_be(engine: Installed) -> None:
    (choice,) = chat(engine, max_tokens=32, stop=["fox"])["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["content"].endswith("fox")


def test_the_last_event_of_a_stream_has_the_usage(engine: Installed) -> None:
    events = [event for _, event in stream(engine, max_tokens=5)]
    assert events[-1]["usage"]["completion_tokens"] == 5
    assert events[-1]["choices"][0]["finish_reason"] == "length"
    texts = [event["choices"][0]["delta"].get("content", "") for event in events]
    assert "".join(texts) == chat(engine, max_tokens=5)["choices"][0]["message"]["content"]


def test_eight_clients_are_served_at_once_with_continuous_batching(batched: Installed) -> None:
    with ThreadPoolExecutor(8) as clients:
        streams = list(clients.map(lambda _: stream(batched, max_tokens=32), range(8)))
    contents = [[when for when, event in each if event["choices"][0]["delta"]] for each in streams]
    assert [each[-1][1]["usage"]["completion_tokens"] for each in streams] == [32] * 8
    # The first event of each stream only names the role.
    assert max(times[1] for times in contents) < min(times[-1] for times in contents)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("place", [0, 1], ids=["one by one", "batched"])
def test_a_client_that_goes_away_ends_its_generation_alone(
    engines: list[Installed], place: int, stream: bool
) -> None:
    chosen = engines[place]
    chosen.outlives_a_client(
        stream=stream, long={"max_tokens": 6000}, short=6, is_idle=lambda: is_idle(chosen.process)
    )


def test_two_requests_of_one_id_are_two(batched: Installed) -> None:
    """Continuous batching tells requests apart by the id that the client may have chosen."""
    head = {"X-Request-ID": "again"}
    said = []
    with ThreadPoolExecutor(2) as clients:
        for content in ("Name a colour.", MESSAGES[0]["content"]):
            body = {"model": "batch", "max_tokens": 8, "temperature": 0}
            body["messages"] = [{"role": "user", "content": content}]
            said.append(clients.submit(batched.by_gateway, "/v1/chat/completions", body, head))
    colour, fox = (each.result()[1]["choices"][0]["message"]["content"] for each in said)
    assert colour.startswith("The colour is")
    assert fox.startswith("The story of a fox")


def test_sigterm_leaves_no_process(engine: Installed) -> None:
    children = psutil.Process(engine.process.pid).children(recursive=True)
    engine.process.terminate()
    engine.process.wait(timeout=engine.command.stop_grace_s)
    assert psutil.wait_procs(children, timeout=10)[1] == []
