"""MLX for real, a few tokens of SmolLM2-135M, in the environment that a variable names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.process.engines.installed import Installed, install
from tests.process.engines.safetensors import make
from tests.process.engines.served import is_idle
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
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder: Path = tmp_path_factory.mktemp("mlx")
    files = Files(root=make(MAKER, folder))
    spec = ModelSpec(uid="chat", engine="mlx", options={"max_tokens": 4})
    one = install(folder, [spec], files, PYTHON)
    try:
        yield Installed(one, spec, files, PYTHON).ready(120)
    finally:
        one.destroy()


def test_it_answers_under_the_name_that_the_command_says(engine: Installed) -> None:
    name = engine.command.served_model
    reply = engine.chat(model=name, max_tokens=3)
    assert reply["model"] == name
    assert reply["usage"]["completion_tokens"] == 3
    *_, last = engine.chat(
        model=name, max_tokens=3, stream=True, stream_options={"include_usage": True}
    )
    assert last["usage"]["completion_tokens"] == 3


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_ends_its_generation_alone(engine: Installed, stream: bool) -> None:
    engine.outlives_a_client(
        stream=stream, long={"max_tokens": 6000}, short=2, is_idle=lambda: is_idle(engine.process)
    )


def test_sigterm_leaves_no_process(engine: Installed) -> None:
    children = psutil.Process(engine.process.pid).children(recursive=True)
    engine.process.terminate()
    engine.ended()
    assert psutil.wait_procs(children, timeout=10)[1] == []
