"""Accelerators and options on their way to engines: the same by recipe, command line and REST.

The machine's accelerators are made up (a module in place of NVIDIA's binding), and so are vLLM and
SGLang (programs that take their command lines and answer). Everything else is real.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.process.appliance import Appliance, wait_until

NVML = """\
from types import SimpleNamespace as Of

class NVMLError(Exception): pass

def nvmlInit(): pass
def nvmlDeviceGetCount(): return 12
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetName(handle): return "Made-up"
def nvmlDeviceGetMemoryInfo(handle): return Of(total=80 * 2**30, used=2**30)
def nvmlDeviceGetUtilizationRates(handle): return Of(gpu=0)
"""
SERVER = """\
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({})

    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        name = json.loads(asked)["model"]
        self.answer({"model": name, "choices": [name]})

    def answer(self, told):
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

port = int(sys.argv[sys.argv.index("--port") + 1])
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
RECIPE = """
defaults: [base]
engine:
  vllm: {env: PYTHON, options: {gpu_memory_utilization: 0.3}}
  sglang: {env: PYTHON, options: {mem_fraction_static: 0.3}}
models:
  v1:
    engine: vllm
    source: {path: model}
    n_gpu: 2
    engine_kwargs:
      gpu_memory_utilization: 0.4
      max_model_len: 512
      quantization: fp8
      tensor_parallel_size: 1
      pipeline_parallel_size: 2
      lora_modules: [sql=lora]
      draft_model: draft
      num_speculative_tokens: 3
    extra_args: [--swap-space, "2"]
    env: {VLLM_LOGGING_LEVEL: DEBUG}
  s1:
    engine: sglang
    source: {path: model}
    n_gpu: 2
    engine_kwargs:
      mem_fraction_static: 0.4
      context_length: 512
      quantization: fp8
      tp_size: 2
      lora_paths: [sql=lora]
      speculative_algorithm: NGRAM
      speculative_num_draft_tokens: 3
    extra_args: [--log-level, debug]
"""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """A machine with twelve accelerators on which `v1` and `s1` of the recipe run."""
    folder = tmp_path_factory.mktemp("fleet")
    engines = folder / "packages"
    for module in ("vllm/entrypoints/openai/api_server", "sglang/launch_server"):
        path = engines / f"{module}.py"
        path.parent.mkdir(parents=True)
        path.write_text(SERVER)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={engines} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (folder / "pynvml.py").write_text(NVML)
    for name in ("model", "model/lora", "model/draft"):
        (folder / name).mkdir()
    (folder / "model" / "config.json").write_text("{}")
    one = Appliance(folder, RECIPE.replace("PYTHON", str(python)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        one.start()
        try:
            one.wait_ready({"v1": 1, "s1": 1})
            yield one
        finally:
            one.destroy()


def engine(one: Appliance, uid: str) -> psutil.Process:
    """The process that a replica of the model runs as."""
    found = [each for each in one.processes("--served-model-name") if uid in each.cmdline()]
    (process,) = [each for each in found if "shim" not in " ".join(each.cmdline())]
    return process


def words(one: Appliance, uid: str) -> list[str]:
    """Its command line, less what must differ between two models."""
    line = engine(one, uid).cmdline()
    for name in ("--served-model-name", "--port"):
        del line[line.index(name) : line.index(name) + 2]
    return line


def devices(one: Appliance, uid: str) -> set[str]:
    return set(engine(one, uid).environ()["CUDA_VISIBLE_DEVICES"].split(","))


def launched(one: Appliance, uid: str, **asked: Any) -> None:
    status, reply = ask(one, uid, asked)
    assert status == 200, reply


def refused(one: Appliance, **asked: Any) -> tuple[int, Any]:
    """The answer to a launch of which nothing is left."""
    status, reply = ask(one, "no", asked)
    assert "no" not in one.models(), reply
    return status, reply


def ask(one: Appliance, uid: str, asked: dict[str, Any]) -> tuple[int, Any]:
    body = {"model_uid": uid, "model_name": "any", **asked}
    return one.request("POST", "/v1/models", body | {"model_path": f"{one.home.parent}/model"})


def test_the_recipe_s_options_are_on_the_command_line(fleet: Appliance) -> None:
    model = fleet.home.parent / "model"
    line = words(fleet, "v1")
    assert line[line.index("--model") :] == [
        *("--model", str(model), "--host", "127.0.0.1"),
        *("--max-model-len", "512", "--gpu-memory-utilization", "0.4"),
        *("--tensor-parallel-size", "1", "--pipeline-parallel-size", "2"),
        *("--quantization", "fp8", "--enable-lora", "--lora-modules", f"sql={model}/lora"),
        "--speculative-config",
        f'{{"model":"{model}/draft","num_speculative_tokens":3}}',
        *("--swap-space", "2"),
    ]
    assert engine(fleet, "v1").environ()["VLLM_LOGGING_LEVEL"] == "DEBUG"
    line = words(fleet, "s1")
    assert line[line.index("--model-path") :] == [
        *("--model-path", str(model), "--host", "127.0.0.1", "--enable-metrics"),
        *("--context-length", "512", "--mem-fraction-static", "0.4", "--tp-size", "2"),
        *("--quantization", "fp8", "--lora-paths", f"sql={model}/lora"),
        *("--speculative-algorithm", "NGRAM", "--speculative-num-draft-tokens", "3"),
        *("--log-level", "debug"),
    ]
    # Nobody sees the accelerators of somebody else.
    assert len(devices(fleet, "v1")) == len(devices(fleet, "s1")) == 2
    assert not devices(fleet, "v1") & devices(fleet, "s1")


def test_the_command_line_and_rest_say_the_same(fleet: Appliance) -> None:
    model = fleet.home.parent / "model"
    by_hand = fleet.run(
        *("xinfer", "launch", "-u", "v2", "-mp", str(model), "-en", "vLLM", "--n-gpu", "2"),
        *("--gpu_memory_utilization", "0.4", "--context-length", "512"),
        *("--tp", "1", "--pipeline-parallel-size", "2", "-lm", "sql", "lora"),
        *("--draft-model", "draft", "--num_speculative_tokens", "3"),
        *("--engine-kwargs", '{"quantization": "fp8"}'),
        *("--extra-args", '["--swap-space", "2"]', "-ev", "VLLM_LOGGING_LEVEL", "DEBUG"),
    )
    assert by_hand.returncode == 0, by_hand.stderr
    assert words(fleet, "v2") == words(fleet, "v1")
    launched(
        fleet,
        "v3",
        model_engine="vllm",
        n_gpu=2,
        gpu_memory_utilization=0.4,
        max_model_len=512,
        tensor_parallel_size=1,
        pp=2,
        peft_model_config={"lora_list": [{"lora_name": "sql", "local_path": "lora"}]},
        speculative_model="draft",
        num_speculative_tokens=3,
        engine_kwargs={"quantization": "fp8"},
        extra_args=["--swap-space", "2"],
    )
    assert words(fleet, "v3") == words(fleet, "v1")
    by_hand = fleet.run(
        *("xinfer", "launch", "-u", "s2", "-mp", str(model), "-en", "SGLang", "--n-gpu", "2"),
        *("--mem-fraction-static", "0.4", "--max_model_len", "512", "--tensor_parallel_size", "2"),
        *("-lm", "sql", "lora", "--speculative_algorithm", "NGRAM"),
        *("--num_speculative_tokens", "3", "--engine-kwargs", '{"quantization": "fp8"}'),
        *("--extra-args", '["--log-level", "debug"]'),
    )
    assert by_hand.returncode == 0, by_hand.stderr
    assert words(fleet, "s2") == words(fleet, "s1")


def test_an_adapter_is_chosen_by_its_name_and_the_reply_names_the_model(fleet: Appliance) -> None:
    asked = {"model": "v1", "messages": [{"role": "user", "content": "hello"}]}
    for more, name in (({}, "v1"), ({"lora_name": "sql"}, "sql")):
        status, reply = fleet.request("POST", "/v1/chat/completions", {**asked, **more})
        assert (status, reply["model"], reply["choices"]) == (200, "v1", [name])


def test_accelerators_that_are_named_are_those_that_are_seen(fleet: Appliance) -> None:
    launched(fleet, "v4", model_engine="vllm", gpu_idx=[11], gpu_memory_utilization=0.1)
    assert devices(fleet, "v4") == {"11"}
    assert "0.1" in words(fleet, "v4")
    # What vLLM takes beforehand counts, whatever the model is.
    launched(fleet, "v6", model_engine="vllm", gpu_memory_utilization=0.95)
    assert devices(fleet, "v6") == {"10"}
    status, reply = refused(fleet, model_engine="vllm", gpu_memory_utilization=0.95)
    assert status == 503
    # One GiB is in use; the driver does not say whether by the replicas that came since.
    short = r"needs 76\.0 GiB; node 'local': at most 7[12]\.0 GiB free on one accelerator"
    assert re.search(short, reply["detail"])
    launched(fleet, "v5", model_engine="vllm", n_gpu=None)
    assert engine(fleet, "v5").environ()["CUDA_VISIBLE_DEVICES"] == ""
    assert "--tensor-parallel-size" not in words(fleet, "v5")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"gpu_memory_utilizaton": 0.9}, "Did you mean 'gpu_memory_utilization'?"),
        ({"gpu_memory_utilization": 90}, "gpu_memory_utilization: 90.0 is more than 1."),
        ({"tensor_parallel_size": 3}, "tensor_parallel_size 3 does not fit a replica with 1"),
        ({"gpu_idx": [12]}, "has no accelerator 12"),
        ({"gpu_memory_utilization": 1, "worker_ip": "x"}, "node 'x', which is not there"),
    ],
)
def test_what_cannot_be_is_refused_with_a_way_out(
    fleet: Appliance, asked: dict[str, Any], words: str
) -> None:
    status, reply = refused(fleet, model_engine="vllm", **asked)
    assert status in (400, 503)
    assert words in reply["detail"]


def test_what_would_fit_instead_is_within_what_is_left(fleet: Appliance) -> None:
    def crowded() -> bool:
        (node,) = fleet.request("GET", "/v1/cluster/info?detailed=true")[1][1:]
        # Between what the three smallest and what the asked one need, whatever others take.
        most = max(node["mem_free"] - 4 * 2**30, 1)
        hog = {"model_name": "hog", "model_engine": "echo", "memory": most}
        return fleet.request("POST", "/v1/models", hog)[0] == 200

    # Other programs take memory and give it back meanwhile.
    wait_until("little is left", crowded)
    large = {"model_name": "qwen2.5-instruct", "model_engine": "llama.cpp", "n_gpu": None}
    large |= {"model_size_in_billions": 7, "quantization": "q8_0"}
    status, reply = fleet.request("POST", "/v1/models", large)
    assert status == 503
    _, _, instead = reply["detail"].partition("What would fit: ")
    assert len(re.findall(r"quantization: \w+ \(([\d.]+) (MiB|GiB)\)", instead)) == 3
    left = re.search(r"([\d.]+) GiB of [\d.]+ GiB memory free", reply["detail"])
    assert left is not None
    sizes = re.findall(r"\(([\d.]+) GiB\)", instead)
    assert all(float(size) <= float(left[1]) for size in sizes)
