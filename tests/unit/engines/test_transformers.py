"""What Transformers and MLX are told, and where they refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.engines.launches import MACHINE, WITH_GPUS, launch
from xinfer.domain.engine import Files
from xinfer.domain.model import ModelSpec, Placement
from xinfer.engines.mlx import Mlx
from xinfer.engines.transformers import Transformers
from xinfer.errors import Invalid


@pytest.fixture
def files(tmp_path: Path) -> Files:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "adapter").mkdir()
    return Files(root=tmp_path)


def words(argv: tuple[str, ...], flag: str) -> str:
    return argv[argv.index(flag) + 1]


def test_transformers_on_a_processor_computes_in_float32(files: Files) -> None:
    spec = ModelSpec(uid="chat", engine="transformers", options={"trust_remote_code": True})
    made = Transformers().command(launch(spec, files, machine=MACHINE))
    assert made.served_model == str(files.root)
    assert words(made.argv, "serve") == str(files.root)
    assert (words(made.argv, "--dtype"), words(made.argv, "--device")) == ("float32", "cpu")
    assert {"--no-continuous-batching", "--trust-remote-code"} <= set(made.argv)
    assert made.slots == 1
    assert made.env["HF_HUB_OFFLINE"] == "1"
    assert made.env["OMP_NUM_THREADS"] == "4"


def test_transformers_on_accelerators_sees_its_own(files: Files) -> None:
    spec = ModelSpec(
        uid="chat",
        engine="transformers",
        options={"continuous_batching": False, "dtype": "bfloat16"},
        extra_args=("--x", "1"),
    )
    made = Transformers().command(launch(spec, files, machine=WITH_GPUS, devices=(1,)))
    assert made.env["CUDA_VISIBLE_DEVICES"] == "1"
    assert (words(made.argv, "--dtype"), words(made.argv, "--device")) == ("bfloat16", "auto")
    assert "--no-continuous-batching" in made.argv
    assert made.argv[-2:] == ("--x", "1")


def test_transformers_batches_where_that_is_faster(files: Files) -> None:
    spec = ModelSpec(uid="chat", engine="transformers")
    made = Transformers().command(launch(spec, files, machine=WITH_GPUS, devices=(0,)))
    assert ("--continuous-batching" in made.argv, made.slots) == (True, None)
    mac = Transformers().command(
        launch(spec, files, machine=replace(MACHINE, system="darwin-arm64"))
    )
    assert (words(mac.argv, "--device"), mac.slots) == ("mps", 1)
    asked = replace(spec, options={"continuous_batching": True, "cb_num_blocks": 32})
    made = Transformers().command(launch(asked, files, machine=MACHINE))
    assert ("--continuous-batching" in made.argv, made.slots) == (True, None)
    assert words(made.argv, "--cb-num-blocks") == "32"


def test_quantized_weights_need_an_accelerator(files: Files) -> None:
    spec = ModelSpec(uid="chat", engine="transformers", format="gptq")
    assert Transformers().supports(spec, WITH_GPUS).ok
    assert "runs no gptq weights" in Transformers().supports(spec, MACHINE).reason
    cpu_only = replace(spec, placement=Placement(n_gpu=None))
    assert not Transformers().supports(cpu_only, WITH_GPUS).ok
    with pytest.raises(Invalid, match=r"models\.chat: Without an NVIDIA accelerator"):
        Transformers().command(launch(spec, files, machine=MACHINE))


def test_mlx_is_for_apple_silicon_and_for_trials_on_linux(files: Files) -> None:
    spec = ModelSpec(uid="chat", engine="mlx", options={"adapter_path": "adapter", "top_k": 5})
    made = Mlx().command(launch(spec, files, machine=MACHINE))
    assert words(made.argv, "--model") == str(files.root)
    assert words(made.argv, "--adapter-path") == str(files.root / "adapter")
    assert words(made.argv, "--top-k") == "5"
    assert made.served_model == "default_model"
    assert "--allowed-origins=" in made.argv
    assert Mlx().supports(spec, replace(MACHINE, system="darwin-arm64")).ok
    assert "darwin-x86_64" in Mlx().supports(spec, replace(MACHINE, system="darwin-x86_64")).reason
    missing = replace(spec, options={"draft_model": "nowhere"})
    with pytest.raises(Invalid, match=r"engine_kwargs\.draft_model: there is no"):
        Mlx().command(launch(missing, files, machine=MACHINE))
