"""MLX for real, a few tokens of SmolLM2-135M, in the environment that a variable names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.process.engines.safetensors import make
from tests.process.engines.served import Served, wait_until
from xinfer.domain.engine import Files
from xinfer.domain.model import ModelSpec

PYTHON = os.environ.get("XINFER_TEST_MLX", "")
MAKER = os.environ.get("XINFER_TEST_TRANSFORMERS", "")
pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(not PYTHON, reason="XINFER_TEST_MLX names no interpreter with MLX"),
    pytest.mark.skipif(not MAKER, reason="XINFER_TEST_TRANSFORMERS is needed to make the model"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("mlx")
    root = make(MAKER, folder)
    spec = ModelSpec(uid="chat", engine="mlx", options={"max_tokens": 4})
    served = Served(folder, spec, Files(root=root), python=PYTHON)
    yield served.ready(120)
    served.destroy()


def test_it_answers_under_the_name_that_the_command_says(engine: Served) -> None:
    name = engine.command.served_model
    reply = engine.chat(model=name, max_tokens=3)
    assert reply["model"] == name
    assert reply["usage"]["completion_tokens"] == 3
    *_, last = engine.chat(
        model=name, max_tokens=3, stream=True, stream_options={"include_usage": True}
    )
    assert last["usage"]["completion_tokens"] == 3


def is_idle(engine: Served) -> bool:
    """Whether it computes next to nothing for half a second."""
    return psutil.Process(engine.process.pid).cpu_percent(interval=0.5) < 10


def test_a_client_that_leaves_a_stream_ends_the_generation(engine: Served) -> None:
    messages = [{"role": "user", "content": "Tell me a story about a fox."}]
    body = {"model": engine.command.served_model, "messages": messages, "max_tokens": 4000}
    connection = engine.send("/v1/chat/completions", {**body, "stream": True})
    assert connection.recv(100)
    wait_until("the generation", lambda: not is_idle(engine))
    connection.close()
    wait_until("its end", lambda: is_idle(engine))


def test_sigterm_leaves_no_process(engine: Served) -> None:
    children = psutil.Process(engine.process.pid).children(recursive=True)
    engine.process.terminate()
    engine.ended()
    assert psutil.wait_procs(children, timeout=10)[1] == []
