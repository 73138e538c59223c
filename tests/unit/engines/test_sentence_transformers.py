"""What the embedder is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.engines.launches import MACHINE, WITH_GPUS, launch
from xinfer.domain.engine import Files
from xinfer.domain.model import ModelKind, ModelSpec
from xinfer.engines.sentence_transformers import SentenceTransformers
from xinfer.errors import Invalid

SPEC = ModelSpec(
    uid="emb",
    engine="sentence-transformers",
    kind=ModelKind.EMBEDDING,
    options={"max_batch_size": 8},
)


def test_the_order_names_the_folder_and_where_it_runs(tmp_path: Path) -> None:
    inner = tmp_path / "model"
    inner.mkdir()
    (inner / "modules.json").write_text("[]")
    (tmp_path / "1_Pooling").mkdir()
    made = SentenceTransformers().command(launch(SPEC, Files(root=tmp_path), machine=MACHINE))
    order = json.loads(made.argv[-1])
    assert order["model"] == str(inner)
    assert (order["uid"], order["kind"], order["port"]) == ("emb", "embedding", 0)
    assert order["options"] == {
        "n_threads": 4,
        "device": "cpu",
        "dtype": "float32",
        "max_batch_size": 8,
    }
    assert made.announces
    on_gpu = SentenceTransformers().command(
        launch(SPEC, Files(root=tmp_path), machine=WITH_GPUS, devices=(1,))
    )
    assert json.loads(on_gpu.argv[-1])["options"]["device"] == "cuda"
    assert on_gpu.env["CUDA_VISIBLE_DEVICES"] == "1"


def test_a_device_that_was_asked_for_wins(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    asked = replace(SPEC, options={"device": "cpu", "dtype": "bfloat16"})
    made = SentenceTransformers().command(
        launch(asked, Files(root=tmp_path), machine=WITH_GPUS, devices=(0,))
    )
    options = json.loads(made.argv[-1])["options"]
    assert (options["device"], options["dtype"]) == ("cpu", "bfloat16")


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"has no modules\.json or config\.json"):
        SentenceTransformers().command(launch(SPEC, Files(root=tmp_path)))
    assert not SentenceTransformers().supports(replace(SPEC, extra_args=("-x",)), MACHINE).ok
