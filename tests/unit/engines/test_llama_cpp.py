"""What llama.cpp is told for a model, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.engines.gguf_file import LLAMA, write_gguf
from tests.unit.engines.launches import MACHINE, WITH_GPUS, files_of, launch, spec
from xinfer.domain.model import ModelKind
from xinfer.domain.options import check_options
from xinfer.engines.llama_cpp import LlamaCpp
from xinfer.errors import Invalid, NoCapacity

ENGINE = LlamaCpp()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_gguf(tmp_path / "model.gguf")


def order(model: Path, **more: Any) -> dict[str, Any]:
    """The order that the host gets, for a model with these parts of a spec."""
    devices, machine = more.pop("devices", ()), more.pop("machine", MACHINE)
    given = launch(spec("llama.cpp", **more), files_of(model), machine, devices)
    command = ENGINE.command(given)
    assert command.announces
    decoded: dict[str, Any] = json.loads(command.argv[-1])
    assert command.slots == decoded["options"]["n_parallel"]
    return decoded


def test_defaults_are_the_machine_s(model: Path) -> None:
    made = order(model)
    assert made["model"] == str(model)
    assert made["uid"] == "chat"
    assert made["options"] == {"n_threads": 4, "n_parallel": 16, "n_ctx": 4096}


def test_given_options_win(model: Path) -> None:
    given = {"n_threads": 2, "n_parallel": 3, "n_ctx": 1000, "flash_attn": "on"}
    assert order(model, options=given)["options"] == given


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("context_length", "n_ctx"),
        ("ctx_size", "n_ctx"),
        ("ctx-size", "n_ctx"),
        ("np", "n_parallel"),
        ("threads", "n_threads"),
        ("ngl", "n_gpu_layers"),
    ],
)
def test_spellings_that_people_know(spelling: str, name: str) -> None:
    assert check_options("llama.cpp", ENGINE.options, {spelling: 7}) == {name: 7}


def test_names_and_aliases_are_unique() -> None:
    spellings = [name for each in ENGINE.options for name in (each.name, *each.aliases)]
    assert len(spellings) == len(set(spellings))


def test_what_embedding_and_rerank_models_need(model: Path, tmp_path: Path) -> None:
    embedding = order(model, kind=ModelKind.EMBEDDING)["options"]
    # A text longer than a batch would be refused, so a batch holds the longest one.
    assert embedding["n_batch"] == embedding["n_ubatch"] == embedding["n_ctx"]
    assert embedding["pooling"] == "mean"
    pools = write_gguf(tmp_path / "bert.gguf", {**LLAMA, "llama.pooling_type": 2})
    assert "pooling" not in order(pools, kind=ModelKind.EMBEDDING)["options"]
    assert order(model, kind=ModelKind.RERANK)["kind"] == "rerank"


def test_accelerators(model: Path) -> None:
    given = launch(spec("llama.cpp"), files_of(model), WITH_GPUS, (1,))
    assert ENGINE.command(given).env == {"CUDA_VISIBLE_DEVICES": "1"}
    assert order(model, machine=WITH_GPUS, devices=(1,))["fit_layers"] is True
    cpu_only = launch(spec("llama.cpp", n_gpu=None), files_of(model), WITH_GPUS)
    assert ENGINE.command(cpu_only).env == {"CUDA_VISIBLE_DEVICES": ""}
    made = order(model, n_gpu=None, machine=WITH_GPUS)
    assert made["options"]["n_gpu_layers"] == 0
    assert made["fit_layers"] is False


def test_files_of_options_are_found_beside_the_model(model: Path, tmp_path: Path) -> None:
    for name in ("draft.gguf", "style.gguf", "mmproj-f16.gguf"):
        (tmp_path / name).write_bytes(b"x" * 1000)
    (tmp_path / "chat.jinja").write_text("{{ messages }}")
    options = order(
        model,
        options={
            "draft_model": "draft.gguf",
            "lora": ["style.gguf:0.5", str(tmp_path / "style.gguf")],
            "mmproj": "auto",
            "chat_template": "chat.jinja",
        },
    )["options"]
    assert options["draft_model"] == str(tmp_path / "draft.gguf")
    assert options["lora"] == [f"{tmp_path}/style.gguf:0.5", f"{tmp_path}/style.gguf"]
    assert options["mmproj"] == str(tmp_path / "mmproj-f16.gguf")
    assert options["chat_template"] == "{{ messages }}"


@pytest.mark.parametrize("name", ["draft_model", "lora", "mmproj", "chat_template"])
def test_a_missing_file_is_named_with_its_key(model: Path, name: str) -> None:
    value = ["none.x"] if name == "lora" else "none.x"
    with pytest.raises(Invalid, match=f"models.chat.engine_kwargs.{name}: there is no file .*none"):
        order(model, options={name: value})


def test_a_projector_of_the_source_is_used_and_is_not_the_model(tmp_path: Path) -> None:
    projector = write_gguf(tmp_path / "mmproj.gguf")
    model = write_gguf(tmp_path / "weights.gguf")
    command = ENGINE.command(launch(spec("llama.cpp"), files_of(projector, model)))
    made = json.loads(command.argv[-1])
    assert (made["model"], made["options"]["mmproj"]) == (str(model), str(projector))


def test_files_without_a_model_and_broken_ones(tmp_path: Path) -> None:
    for name in ("a.safetensors", "b.safetensors"):
        (tmp_path / name).touch()
    files = files_of(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    with pytest.raises(Invalid, match="has no GGUF file"):
        ENGINE.command(launch(spec("llama.cpp"), files))
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    with pytest.raises(Invalid, match=str(broken)):
        order(broken)


def test_a_context_that_can_never_fit_is_refused(tmp_path: Path) -> None:
    heads = {"llama.attention.key_length": 4096, "llama.attention.value_length": 4096}
    model = write_gguf(tmp_path / "wide.gguf", {**LLAMA, **heads})
    with pytest.raises(NoCapacity, match=r"16 x 131072 tokens takes 256.0 GiB.* has 16.0 GiB"):
        order(model, options={"n_ctx": 131072, "n_parallel": 16})


def test_all_that_is_loaded_is_weighed(tmp_path: Path) -> None:
    model = write_gguf(tmp_path / "model.gguf", weights=3 * 2**20)
    (tmp_path / "draft.gguf").write_bytes(b"x" * 2**20)
    weigh = ENGINE.traits.weigh
    assert weigh is not None
    plain = weigh(spec("llama.cpp"), files_of(model))
    assert plain.weights_bytes == model.stat().st_size
    assert plain.token_bytes == 2 * (64 + 64)
    options = {"draft_model": "draft.gguf", "cache_type_k": "q8_0", "cache_type_v": "q8_0"}
    drafting = weigh(spec("llama.cpp", options=options), files_of(model))
    assert drafting.weights_bytes == plain.weights_bytes + 2**20
    assert drafting.token_bytes == (64 + 64) * 34 // 32
    (tmp_path / "poem.gguf").write_text("A rose is a rose.")
    with pytest.raises(Invalid, match=r"poem.gguf is not a usable GGUF model: it does not begin"):
        weigh(spec("llama.cpp"), files_of(tmp_path / "poem.gguf"))


def test_extra_args_have_nowhere_to_go() -> None:
    verdict = ENGINE.supports(spec("llama.cpp", extra_args=("--x",)), MACHINE)
    assert not verdict.ok
    assert "engine_kwargs" in verdict.hint


# --- llama-cpp-python ---------------------------------------------------------------------------


def words(model: Path, **options: Any) -> tuple[str, ...]:
    wanted = spec(
        "llama.cpp", options={"binding": "llama-cpp-python", **options}, extra_args=("--api_key=k",)
    )
    command = ENGINE.command(launch(wanted, files_of(model)))
    assert (command.ready_path, command.slots, command.announces) == ("/v1/models", 1, False)
    return command.argv


def test_the_command_line_of_llama_cpp_python(model: Path) -> None:
    argv = words(model, n_ctx=512, flash_attn="on", cache_type_k="q8_0", no_kv_offload=True)
    assert argv[1:3] == ("-m", "llama_cpp.server")
    assert argv[-1] == "--api_key=k"
    pairs = dict(zip(argv[3:-1:2], argv[4:-1:2], strict=True))
    assert pairs == {
        "--model": str(model),
        "--model_alias": "chat",
        "--host": "127.0.0.1",
        "--port": "4711",
        "--n_ctx": "512",
        "--n_threads": "4",
        "--n_threads_batch": "4",
        "--flash_attn": "true",
        "--type_k": "8",
        "--offload_kqv": "false",
        "--use_mlock": "false",
        "--logits_all": "false",
        "--interrupt_requests": "false",
    }


def test_one_slot_gets_the_whole_context_of_llama_cpp_python(model: Path) -> None:
    argv = words(model)
    assert argv[argv.index("--n_ctx") + 1] == "4096"


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"n_parallel": 4}, "n_parallel: 4"),
        ({"draft_model": "d.gguf"}, "draft_model: 'd.gguf'"),
        ({"lora": ["a", "b"]}, "lora"),
        ({"lora": ["a:0.5"]}, "lora"),
        ({"split_mode": "tensor"}, "split_mode: 'tensor'"),
        ({"jinja": False}, "jinja: False"),
    ],
)
def test_what_llama_cpp_python_does_not_have(options: dict[str, Any], what: str) -> None:
    given = spec("llama.cpp", options={"binding": "llama-cpp-python", **options})
    verdict = ENGINE.supports(given, MACHINE)
    assert not verdict.ok
    assert what in verdict.reason
