"""What a folder in the layout of Hugging Face is weighed as, before an engine loads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.engines.launches import spec
from xinfer.domain.engine import Files
from xinfer.domain.footprint import needed_bytes
from xinfer.domain.model import Footprint, ModelKind
from xinfer.domain.node import Machine
from xinfer.engines.registry import Registry
from xinfer.errors import Invalid

QWEN = {
    "num_hidden_layers": 24,
    "hidden_size": 896,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "dtype": "bfloat16",
}
MACHINE = Machine(
    cores=2, memory_total_bytes=2**34, memory_available_bytes=2**34, system="linux-x86_64"
)


def folder(path: Path, config: Any, **sizes: int) -> Files:
    path.mkdir()
    (path / "config.json").write_text(json.dumps(config))
    for name, size in sizes.items():
        with (path / name.replace("_", ".")).open("wb") as file:
            file.truncate(size)
    return Files(root=path, paths=tuple(path.iterdir()))


def weigh(engine: str, files: Files, **more: Any) -> Footprint:
    found = Registry().get(engine).traits.weigh
    assert found is not None
    return found(spec(engine, **more), files)


@pytest.mark.parametrize("engine", ["vllm", "sglang", "transformers", "mlx"])
def test_weights_count_once_and_the_cache_by_the_description(tmp_path: Path, engine: str) -> None:
    files = folder(
        tmp_path / "m",
        QWEN,
        a_safetensors=5000,
        b_safetensors=3000,
        pytorch_bin=8000,
        consolidated_safetensors=8000,
    )
    assert weigh(engine, files) == Footprint(
        weights_bytes=8000, token_bytes=2 * 24 * 2 * (896 // 14) * 2
    )
    nested = folder(tmp_path / "n", {"text_config": {**QWEN, "head_dim": 128}}, a_bin=7)
    assert weigh(engine, nested).token_bytes == 2 * 24 * 2 * 128 * 2
    assert weigh(engine, nested).weights_bytes == 7
    for name, config in (("none", {}), ("layers", {**QWEN, "num_key_value_heads": [1, 2]})):
        unsaid = folder(tmp_path / name, config, a_safetensors=9)
        assert weigh(engine, unsaid) == Footprint(weights_bytes=9, token_bytes=0)


def test_what_is_stored_wide_does_not_grow_on_a_processor(tmp_path: Path) -> None:
    needs = {}
    for dtype in ("bfloat16", "float32"):
        files = folder(tmp_path / dtype, {**QWEN, "torch_dtype": dtype, "dtype": None}, a_bin=2**30)
        engine = Registry().get("transformers")
        needs[dtype] = needed_bytes(
            weigh("transformers", files), spec("transformers"), engine.traits.habits, MACHINE
        )
    assert needs["bfloat16"] - needs["float32"] == 2**30


def test_what_reads_whole_texts_caches_nothing(tmp_path: Path) -> None:
    files = folder(tmp_path / "m", QWEN, a_safetensors=5000)
    found = weigh("sentence-transformers", files, kind=ModelKind.EMBEDDING)
    assert found == Footprint(weights_bytes=5000, token_bytes=0)


@pytest.mark.parametrize("text", ["{", "[1]", '{"text_config": 3}'])
def test_a_description_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    files = folder(tmp_path / "m", {})
    (tmp_path / "m" / "config.json").write_text(text)
    with pytest.raises(Invalid, match=r"m/config.json does not describe a model"):
        weigh("vllm", files)
