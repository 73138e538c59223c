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

from tests.process.engines.safetensors import make
from tests.process.engines.served import Served, wait_until
from xinfer.domain.engine import Files
from xinfer.domain.model import JsonValue, ModelSpec

PYTHON = os.environ.get("XINFER_TEST_TRANSFORMERS", "")
pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(not PYTHON, reason="XINFER_TEST_TRANSFORMERS names no interpreter with it"),
    pytest.mark.timeout(600),
]
STARTS_WITHIN_S = 300.0
MESSAGES = [{"role": "user", "content": "Tell me a story about a fox."}]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(PYTHON, tmp_path_factory.mktemp("smollm2"))


def start(folder: Path, model: Path, **options: JsonValue) -> Served:
    spec = ModelSpec(uid="chat", engine="transformers", options=options)
    return Served(folder, spec, Files(root=model), python=PYTHON)


@pytest.fixture(scope="module")
def engine(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = start(tmp_path_factory.mktemp("transformers"), model)
    yield served.ready(STARTS_WITHIN_S)
    served.destroy()


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


def test_it_answers_under_the_name_that_the_command_says(engine: Served) -> None:
    reply = chat(engine)
    assert reply["choices"][0]["message"]["content"]
    assert reply["usage"]["completion_tokens"] == 8


def test_a_request_is_stopped_where_it_asks_to_be(engine: Served) -> None:
    (choice,) = chat(engine, max_tokens=32, stop=["fox"])["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["content"].endswith("fox")


def test_the_last_event_of_a_stream_has_the_usage(engine: Served) -> None:
    events = [event for _, event in stream(engine, max_tokens=5)]
    assert events[-1]["usage"]["completion_tokens"] == 5
    assert events[-1]["choices"][0]["finish_reason"] == "length"
    texts = [event["choices"][0]["delta"].get("content", "") for event in events]
    assert "".join(texts) == chat(engine, max_tokens=5)["choices"][0]["message"]["content"]


def test_eight_clients_are_served_at_once_with_continuous_batching(
    model: Path, tmp_path: Path
) -> None:
    small: dict[str, JsonValue] = {"cb_num_blocks": 16, "cb_max_batch_tokens": 512}
    engine = start(tmp_path, model, continuous_batching=True, **small)
    try:
        engine.ready(STARTS_WITHIN_S)
        with ThreadPoolExecutor(8) as clients:
            streams = list(clients.map(lambda _: stream(engine, max_tokens=32), range(8)))
    finally:
        engine.destroy()
    contents = [[when for when, event in each if event["choices"][0]["delta"]] for each in streams]
    assert [each[-1][1]["usage"]["completion_tokens"] for each in streams] == [32] * 8
    # The first event of each stream only names the role.
    assert max(times[1] for times in contents) < min(times[-1] for times in contents)


def is_idle(engine: Served) -> bool:
    """Whether it computes next to nothing for half a second."""
    process = psutil.Process(engine.process.pid)
    return process.cpu_percent(interval=0.5) < 10


def test_a_client_that_leaves_a_stream_ends_the_generation(engine: Served) -> None:
    body = {"model": engine.command.served_model, "messages": MESSAGES, "max_tokens": 4000}
    connection = engine.send("/v1/chat/completions", {**body, "stream": True})
    assert connection.recv(100)
    wait_until("the generation", lambda: not is_idle(engine))
    connection.close()
    wait_until("its end", lambda: is_idle(engine))


def test_sigterm_leaves_no_process(engine: Served) -> None:
    children = psutil.Process(engine.process.pid).children(recursive=True)
    engine.process.terminate()
    engine.process.wait(timeout=engine.command.stop_grace_s)
    assert psutil.wait_procs(children, timeout=10)[1] == []
