"""MLX for real, a few tokens of SmolLM2-135M, in the environment that a variable names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.process.engines.safetensors import make
from tests.process.engines.served import Served
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


def test_it_answers_and_ends(tmp_path: Path) -> None:
    root = make(MAKER, tmp_path / "model")
    spec = ModelSpec(uid="chat", engine="mlx", options={"max_tokens": 4})
    engine = Served(tmp_path, spec, Files(root=root), python=PYTHON)
    try:
        engine.ready(120)
        name = engine.command.served_model
        reply = engine.chat(model=name, max_tokens=3)
        assert reply["model"] == name
        assert reply["usage"]["completion_tokens"] == 3
        *_, last = engine.chat(
            model=name, max_tokens=3, stream=True, stream_options={"include_usage": True}
        )
        assert last["usage"]["completion_tokens"] == 3
        engine.process.terminate()
        engine.ended()
    finally:
        engine.destroy()
