"""What vLLM is told for a model, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.engines.launches import MACHINE, WITH_GPUS, launch, spec
from xinfer.domain.engine import Command, Files
from xinfer.domain.model import ModelKind, Placement
from xinfer.domain.options import check_options
from xinfer.engines.vllm import Vllm
from xinfer.errors import Invalid

ENGINE = Vllm()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 8192}')
    (tmp_path / "model.safetensors").touch()
    return tmp_path


def made(model: Path, *, n_gpu: Any = "auto", **more: Any) -> Command:
    """The command for a model with these parts of a spec, on the devices that are given."""
    devices = more.pop("devices", ())
    machine = WITH_GPUS if devices else more.pop("machine", MACHINE)
    files = Files(root=model, paths=tuple(sorted(model.iterdir())))
    return ENGINE.command(launch(spec("vllm", n_gpu=n_gpu, **more), files, machine, devices))


def words(model: Path, **more: Any) -> list[str]:
    """What follows the address on the command line."""
    argv = made(model, **more).argv
    return list(argv[argv.index("4711") + 1 :])


def test_the_process(model: Path) -> None:
    command = made(model, options={"max_num_seqs": 8}, extra_args=("--swap-space", "4"))
    assert command.argv[1:11] == (
        *("-m", "vllm.entrypoints.openai.api_server", "--model", str(model)),
        *("--served-model-name", "chat", "--host", "127.0.0.1", "--port", "4711"),
    )
    assert command.argv[-2:] == ("--swap-space", "4")
    assert (command.ready_path, command.slots, command.announces) == ("/health", 8, False)
    assert command.gauges["running"] == "vllm:num_requests_running"


def test_without_an_accelerator(model: Path) -> None:
    command = made(model, options={"cpu_kv_cache_gib": 3})
    assert command.env == {
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
        "VLLM_CPU_KVCACHE_SPACE": "3",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "4",
    }
    assert words(model) == ["--max-model-len", "2048", "--dtype", "float32", "--enforce-eager"]
    given = {"dtype": "bfloat16", "enforce_eager": False, "max_model_len": 4096}
    assert words(model, options=given) == [
        *("--max-model-len", "4096", "--dtype", "bfloat16", "--no-enforce-eager"),
    ]
    assert made(model, machine=WITH_GPUS, n_gpu=None).env["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize(
    ("described", "context"),
    [
        ('{"max_position_embeddings": 512}', None),
        ('{"text_config": {"max_position_embeddings": 131072}}', "2048"),
        ("{}", None),
        ("[]", None),
        ("", None),
    ],
)
def test_the_context_is_not_longer_than_the_model_s(
    model: Path, described: str, context: str | None
) -> None:
    (model / "config.json").write_text(described)
    argv = words(model)
    assert ("2048" if "--max-model-len" in argv else None) == context


def test_accelerators(model: Path) -> None:
    command = made(model, n_gpu=2, devices=(1, 3))
    assert command.env["CUDA_VISIBLE_DEVICES"] == "1,3"
    assert "VLLM_CPU_KVCACHE_SPACE" not in command.env
    assert words(model, n_gpu=2, devices=(0, 1)) == ["--tensor-parallel-size", "2"]
    piped = words(model, n_gpu=2, devices=(0, 1), options={"pipeline_parallel_size": 2})
    assert piped == ["--tensor-parallel-size", "1", "--pipeline-parallel-size", "2"]


def test_parallel_sizes_use_what_there_is() -> None:
    def refused(n_gpu: Any, **options: int) -> str:
        return ENGINE.supports(spec("vllm", n_gpu=n_gpu, options=options), WITH_GPUS).reason

    assert refused("auto", tensor_parallel_size=2) == (
        "tensor_parallel_size 2 does not fit a replica with 1 accelerators."
    )
    assert "x pipeline_parallel_size 2" in refused(
        2, tensor_parallel_size=2, pipeline_parallel_size=2
    )
    assert refused(4, data_parallel_size=3)
    assert not refused(4, data_parallel_size=2)
    assert not refused(4, tensor_parallel_size=2, pipeline_parallel_size=2)
    assert not refused("auto")


def test_devices_that_the_planner_chose_are_checked_too(model: Path) -> None:
    named = replace(
        spec("vllm", options={"tensor_parallel_size": 2}), placement=Placement(gpu_idx=(0, 1))
    )
    assert ENGINE.supports(named, WITH_GPUS).ok
    files = Files(root=model)
    assert ENGINE.command(launch(named, files, WITH_GPUS, (0, 1))).env
    with pytest.raises(Invalid, match="tensor_parallel_size 2 does not fit"):
        ENGINE.command(launch(named, files, WITH_GPUS, (0,)))


def test_machines_and_formats() -> None:
    def verdict(machine: Any, **more: Any) -> str:
        return ENGINE.supports(spec("vllm", **more), machine).reason

    assert "runs on Linux" in verdict(replace(MACHINE, system="darwin-arm64"))
    for wanted in (None, "pytorch"):
        assert not verdict(MACHINE, format=wanted)
    for quantized in ("gguf", "gptq", "awq", "fp8", "bnb"):
        assert f"no {quantized} weights" in verdict(MACHINE, format=quantized)
        assert not verdict(WITH_GPUS, format=quantized)
        assert verdict(WITH_GPUS, format=quantized, n_gpu=None)
    assert verdict(MACHINE, options={"quantization": "awq"})


def test_where_the_model_is(tmp_path: Path) -> None:
    folder = tmp_path / "snapshot" / "model"
    folder.mkdir(parents=True)
    paths = []
    for name in ("config.json", "1_Pooling/config.json", "model.safetensors"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
        paths.append(folder / name)
    files = Files(root=tmp_path, paths=tuple(reversed(paths)))
    assert str(folder) in ENGINE.command(launch(spec("vllm"), files)).argv
    with pytest.raises(Invalid, match=r"has no config\.json"):
        ENGINE.command(launch(spec("vllm"), Files(root=tmp_path)))


def test_gguf_files_need_an_accelerator(tmp_path: Path) -> None:
    one, two = tmp_path / "a.gguf", tmp_path / "b.gguf"
    files = Files(root=tmp_path, paths=(one,))
    one.touch()
    given = launch(spec("vllm", options={"tokenizer": "org/base"}), files, WITH_GPUS, (0,))
    argv = ENGINE.command(given).argv
    assert str(one) in argv
    assert argv[argv.index("--tokenizer") + 1] == "org/base"
    with pytest.raises(Invalid, match="vllm-gguf-plugin"):
        ENGINE.command(launch(spec("vllm"), files))
    several = Files(root=tmp_path, paths=(one, two))
    with pytest.raises(Invalid, match="has 2 GGUF files"):
        ENGINE.command(launch(spec("vllm"), several, WITH_GPUS, (0,)))


@pytest.mark.parametrize("kind", [ModelKind.EMBEDDING, ModelKind.RERANK])
def test_models_that_read_whole_texts(model: Path, kind: ModelKind) -> None:
    assert words(model, kind=kind)[:2] == ["--runner", "pooling"]


def test_files_of_options_are_found_beside_the_model(model: Path) -> None:
    for name in ("style", "draft"):
        (model / name).mkdir()
    (model / "chat.jinja").touch()
    argv = words(
        model,
        options={
            "lora_modules": ["polite=style", str(model / "style"), '{"name": "x", "path": "y"}'],
            "draft_model": "draft",
            "num_speculative_tokens": 3,
            "speculative_config": {"method": "draft_model"},
            "chat_template": "chat.jinja",
            "tool_call_parser": "hermes",
        },
    )
    at = argv.index("--lora-modules")
    assert argv[at + 1 : at + 4] == [
        *(f"polite={model}/style", f"style={model}/style", '{"name": "x", "path": "y"}'),
    ]
    assert {"--enable-lora", "--enable-auto-tool-choice"} < set(argv)
    assert argv[argv.index("--chat-template") + 1] == f"{model}/chat.jinja"
    drafting = json.loads(argv[argv.index("--speculative-config") + 1])
    assert drafting == {
        "method": "draft_model",
        "model": f"{model}/draft",
        "num_speculative_tokens": 3,
    }
    inline = words(model, options={"chat_template": "{{ messages }}"})
    assert inline[-1] == "{{ messages }}"


@pytest.mark.parametrize("name", ["draft_model", "lora_modules", "chat_template"])
def test_a_missing_file_is_named_with_its_key(model: Path, name: str) -> None:
    value = ["x=none.x"] if name == "lora_modules" else "none.x"
    with pytest.raises(Invalid, match=f"models.chat.engine_kwargs.{name}: there is no .*none.x"):
        made(model, options={name: value})


def test_names_and_aliases_are_unique() -> None:
    spellings = [name for each in ENGINE.options for name in (each.name, *each.aliases)]
    assert len(spellings) == len(set(spellings))
    for spelling in ("n_ctx", "context_length", "max-model-len"):
        assert check_options("vllm", ENGINE.options, {spelling: 7}) == {"max_model_len": 7}
