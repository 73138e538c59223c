"""What SGLang is told for a model, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.engines.launches import MACHINE, WITH_GPUS, launch, spec
from xinfer.domain.engine import Command, Files
from xinfer.domain.model import ModelKind
from xinfer.domain.options import check_options
from xinfer.engines.sglang import Sglang
from xinfer.errors import Invalid

ENGINE = Sglang()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def made(model: Path, **more: Any) -> Command:
    given = launch(spec("sglang", n_gpu=2, **more), Files(root=model), WITH_GPUS, (0, 1))
    return ENGINE.command(given)


def words(model: Path, **options: Any) -> list[str]:
    """What the options add to the command line."""
    argv = made(model, options=options).argv
    return list(argv[argv.index("--enable-metrics") + 1 :])


def test_the_process(model: Path) -> None:
    command = made(model, extra_args=("--warmups", "x"), options={"max_running_requests": 6})
    assert command.argv[1:] == (
        *("-m", "sglang.launch_server", "--model-path", str(model)),
        *("--served-model-name", "chat", "--host", "127.0.0.1", "--port", "4711"),
        *("--enable-metrics", "--max-running-requests", "6", "--tp-size", "2", "--warmups", "x"),
    )
    assert command.env == {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "0,1"}
    assert command.slots == 6
    assert "--is-embedding" in made(model, kind=ModelKind.EMBEDDING).argv


def test_values_as_sglang_reads_them(model: Path) -> None:
    assert words(
        model,
        mem_fraction_static=0.8,
        chunked_prefill_size=-1,
        disable_radix_cache=True,
        trust_remote_code=False,
        json_model_override_args={"a": 1},
        lora_target_modules=["q_proj", "k_proj"],
    ) == [
        *("--mem-fraction-static", "0.8", "--chunked-prefill-size=-1", "--disable-radix-cache"),
        *("--tp-size", "2", "--json-model-override-args", '{"a":1}'),
        *("--lora-target-modules", "q_proj", "k_proj"),
    ]


def test_files_of_options_are_found_beside_the_model(model: Path) -> None:
    for name in ("style", "draft", "tokens"):
        (model / name).mkdir()
    (model / "chat.jinja").touch()
    argv = words(
        model,
        lora_paths=["polite=style"],
        speculative_draft_model_path="draft",
        tokenizer_path="tokens",
        chat_template="chat.jinja",
    )
    for flag, value in {
        "--lora-paths": f"polite={model}/style",
        "--speculative-draft-model-path": f"{model}/draft",
        "--tokenizer-path": f"{model}/tokens",
        "--chat-template": f"{model}/chat.jinja",
    }.items():
        assert argv[argv.index(flag) + 1] == value
    # One that SGLang brings, and a tokenizer of the hub's cache, stay names.
    assert words(model, chat_template="chatml", tokenizer_path="org/base")[2:] == [
        *("--tokenizer-path", "org/base", "--chat-template", "chatml"),
    ]
    with pytest.raises(Invalid, match=r"engine_kwargs\.chat_template: there is no .*none\.jinja"):
        words(model, chat_template="none.jinja")


def test_where_it_runs() -> None:
    def refused(machine: Any, **more: Any) -> str:
        return ENGINE.supports(spec("sglang", **more), machine).reason

    assert "runs on Linux" in refused(replace(WITH_GPUS, system="darwin-arm64"))
    assert "this machine has none" in refused(MACHINE)
    assert "n_gpu gives the model none" in refused(WITH_GPUS, n_gpu=None)
    assert not refused(WITH_GPUS, format="awq")
    assert "tp_size 2 does not fit a replica with 1" in refused(WITH_GPUS, options={"tp_size": 2})
    assert not refused(WITH_GPUS, n_gpu=4, options={"tp_size": 2, "dp_size": 2})


def test_names_that_people_know_from_vllm() -> None:
    spellings = [name for each in ENGINE.options for name in (each.name, *each.aliases)]
    assert len(spellings) == len(set(spellings))
    given = {"max_model_len": 1, "tensor_parallel_size": 2, "max_num_seqs": 3, "seed": 4}
    assert check_options("sglang", ENGINE.options, given) == {
        "context_length": 1,
        "tp_size": 2,
        "max_running_requests": 3,
        "random_seed": 4,
    }
