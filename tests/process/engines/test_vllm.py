"""vLLM for real: SmolLM2-135M on the processor, in the environment that a variable names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.process.engines.installed import Installed, install
from tests.process.engines.served import Served, wait_until
from xinfer.domain.engine import Files
from xinfer.domain.model import ModelKind, ModelSpec
from xinfer.worker.gauges import measure

PYTHON = os.environ.get("XINFER_TEST_VLLM", "")
MAKER = os.environ.get("XINFER_TEST_TRANSFORMERS", "")
pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(not PYTHON, reason="XINFER_TEST_VLLM names no interpreter with vLLM"),
    pytest.mark.skipif(not MAKER, reason="XINFER_TEST_TRANSFORMERS is needed to make the model"),
    pytest.mark.timeout(600),
]
STARTS_WITHIN_S = 300.0


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    from tests.process.engines.safetensors import make

    root = make(MAKER, tmp_path_factory.mktemp("smollm2"))
    return Files(root=root, paths=tuple(sorted(root.iterdir())))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, files: Files) -> Iterator[Installed]:
    spec = ModelSpec(uid="chat", engine="vllm", options={"max_num_seqs": 4})
    one = install(tmp_path_factory.mktemp("vllm"), [spec], files, PYTHON)
    try:
        yield Installed(one, spec, files, PYTHON).ready(STARTS_WITHIN_S)
    finally:
        one.destroy()


def running(engine: Installed) -> float | None:
    return measure(engine.address, engine.command.gauges, 10.0).get("running")


def test_it_answers_by_its_uid(engine: Installed) -> None:
    reply = engine.chat()
    assert reply["model"] == "chat"
    assert reply["choices"][0]["message"]["content"]
    *_, last = engine.chat(stream=True, stream_options={"include_usage": True})
    assert last["usage"]["completion_tokens"] == 8
    assert engine.ask("/v1/models")[1]["data"][0]["max_model_len"] == 2048


def test_it_measures_itself(engine: Installed) -> None:
    assert measure(engine.address, engine.command.gauges, 10.0) == {
        "running": 0.0,
        "waiting": 0.0,
        "cache_usage": 0.0,
    }


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_ends_its_generation_alone(engine: Installed, stream: bool) -> None:
    engine.outlives_a_client(
        stream=stream,
        long={"max_tokens": 1900, "ignore_eos": True},
        short=6,
        is_idle=lambda: running(engine) == 0,
    )


def test_one_that_goes_away_while_it_waits_is_never_computed(engine: Installed) -> None:
    body = {"prompt": "One", "max_tokens": 1900, "ignore_eos": True}
    waiting = {"waiting": engine.command.gauges["waiting"]}
    clients = [engine.send_by_gateway("/v1/completions", body) for _ in range(5)]
    wait_until("one to wait", lambda: measure(engine.address, waiting, 10)["waiting"] == 1)
    clients.pop().close()
    wait_until("none to wait", lambda: measure(engine.address, waiting, 10)["waiting"] == 0)
    assert running(engine) == 4
    for client in clients:
        client.close()
    wait_until("their end", lambda: running(engine) == 0)


def test_sigterm_leaves_no_process(engine: Installed) -> None:
    """The last test of this engine. While a request is unanswered vLLM would wait for ever."""
    children = psutil.Process(engine.process.pid).children(recursive=True)
    assert children
    engine.process.terminate()
    engine.process.wait(timeout=engine.command.stop_grace_s)
    _, alive = psutil.wait_procs(children, timeout=engine.command.stop_grace_s)
    assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []


def test_embeddings(tmp_path: Path, files: Files) -> None:
    spec = ModelSpec(uid="chat", engine="vllm", kind=ModelKind.EMBEDDING)
    engine = Served(tmp_path, spec, files, python=PYTHON).ready(STARTS_WITHIN_S)
    body = {"model": "chat", "input": ["a cat", "a dog"]}
    status, reply = engine.ask("/v1/embeddings", body)
    engine.destroy()
    assert status == 200
    assert [len(each["embedding"]) for each in reply["data"]] == [576, 576]
