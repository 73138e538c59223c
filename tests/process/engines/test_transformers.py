"""Transformers for real: SmolLM2-135M on the processor, by an interpreter that a variable names."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.process.engines.safetensors import make
from tests.process.engines.served import Served, wait_until
from xinfer.domain.engine import Files
from xinfer.domain.model import ModelSpec

PYTHON = os.environ.get("XINFER_TEST_TRANSFORMERS", "")
pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(not PYTHON, reason="XINFER_TEST_TRANSFORMERS names no interpreter with it"),
    pytest.mark.timeout(600),
]
STARTS_WITHIN_S = 300.0


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = make(PYTHON, tmp_path_factory.mktemp("smollm2"))
    spec = ModelSpec(uid="chat", engine="transformers")
    folder: Path = tmp_path_factory.mktemp("transformers")
    served = Served(folder, spec, Files(root=root), python=PYTHON)
    yield served.ready(STARTS_WITHIN_S)
    served.destroy()


def chat(engine: Served, **more: Any) -> Any:
    return engine.chat(model=engine.command.served_model, **more)


def test_it_answers_under_the_name_that_the_command_says(engine: Served) -> None:
    reply = chat(engine)
    assert reply["choices"][0]["message"]["content"]
    assert reply["usage"]["completion_tokens"] == 8


def test_eight_clients_are_served_in_one_batch(engine: Served) -> None:
    chat(engine)
    began = time.monotonic()
    chat(engine, max_tokens=24)
    alone = time.monotonic() - began
    began = time.monotonic()
    with ThreadPoolExecutor(8) as clients:
        replies = list(clients.map(lambda _: chat(engine, max_tokens=24), range(8)))
    together = time.monotonic() - began
    assert [reply["usage"]["completion_tokens"] for reply in replies] == [24] * 8
    assert len({reply["choices"][0]["message"]["content"] for reply in replies}) == 1
    assert together < 8 * alone, "one after the other would take eight times as long"


def is_idle(engine: Served) -> bool:
    """Whether it computes next to nothing for half a second."""
    process = psutil.Process(engine.process.pid)
    return process.cpu_percent(interval=0.5) < 50


def test_a_client_that_goes_away_ends_the_generation(engine: Served) -> None:
    messages = [{"role": "user", "content": "Count to a thousand."}]
    body = {"model": engine.command.served_model, "messages": messages, "max_tokens": 4000}
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
