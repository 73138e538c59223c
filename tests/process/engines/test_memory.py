"""Estimates of memory against what small models really take, on each engine that is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.process.engines.safetensors import make, weights
from tests.process.engines.served import MACHINE, Served
from xinfer.catalog.family import Shape, Variant
from xinfer.catalog.footprint import footprint
from xinfer.catalog.memory import Question, estimate
from xinfer.domain.engine import Files
from xinfer.domain.footprint import needed_bytes
from xinfer.domain.model import ModelSpec
from xinfer.engines.registry import Registry
from xinfer.worker.processes import weigh

MIB = 2**20
SHAPE = Shape(layers=30, hidden=576, heads=9, kv_heads=3, intermediate=1536, vocab=49152)
MAKER = os.environ.get("XINFER_TEST_TRANSFORMERS", "")
pytestmark = [pytest.mark.timeout(600)]


def compared(engine: Served, spec: ModelSpec) -> tuple[float, float]:
    """Estimated and measured memory after a reply, in MiB."""
    variant = Variant(format=str(spec.format), size="0.135", shape=SHAPE)
    model = footprint(variant, str(spec.quantization))
    assert model is not None
    habits = Registry().get(spec.engine).traits.habits
    engine.ready(300).chat(model=engine.command.served_model or spec.uid)
    measured = weigh(engine.process.pid)
    assert measured is not None
    _bracket(spec, measured / MIB)
    return needed_bytes(model, spec, habits, MACHINE) / MIB, measured / MIB


def _bracket(spec: ModelSpec, measured: float) -> None:
    """What `cal-model-mem` says: weights and cache alone are less than what is taken, all of it
    with a processor's own overhead is more. vLLM takes its cache beforehand, whatever is asked.
    """
    if spec.engine == "vllm":
        return
    question = Question(
        size=0.135,
        format=str(spec.format),
        quantization=spec.quantization,
        context=2048,
    )
    said = estimate(question, SHAPE)
    assert said.model + said.kv_cache < measured < said.total, f"{said}, {measured:.0f} taken"


def test_llama_cpp(tmp_path: Path) -> None:
    spec = ModelSpec(
        uid="chat",
        engine="llama.cpp",
        format="gguf",
        quantization="q4_1",
        options={"n_ctx": 2048, "n_parallel": 2},
    )
    path = weights()
    engine = Served(tmp_path, spec, Files(root=path.parent, paths=(path,)))
    try:
        estimated, measured = compared(engine, spec)
    finally:
        engine.destroy()
    assert 0.6 < measured / estimated < 1.4, f"{estimated:.0f} MiB estimated, {measured:.0f} taken"


@pytest.mark.engines
@pytest.mark.parametrize("name", ["transformers", "vllm", "mlx"])
def test_engines_of_safetensors(name: str, tmp_path: Path) -> None:
    python = os.environ.get(f"XINFER_TEST_{name.upper()}", "")
    if not python or not MAKER:
        pytest.skip(f"XINFER_TEST_{name.upper()} and XINFER_TEST_TRANSFORMERS name interpreters")
    spec = ModelSpec(uid="chat", engine=name, format="pytorch", quantization="none")
    root = make(MAKER, tmp_path / "model")
    engine = Served(tmp_path, spec, Files(root=root), python=python)
    try:
        estimated, measured = compared(engine, spec)
    finally:
        engine.destroy()
    assert 0.6 < measured / estimated < 1.4, f"{estimated:.0f} MiB estimated, {measured:.0f} taken"
