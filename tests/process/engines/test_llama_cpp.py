"""llama.cpp for real: SmolLM2-135M by xllamacpp, and by llama-cpp-python where that is built."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.process.engines.conftest import Serve
from tests.process.engines.served import Served, wait_until
from tests.unit.engines.gguf_file import smollm2
from xinfer.domain.engine import Files
from xinfer.domain.model import ModelKind, ModelSpec
from xinfer.worker.lastwords import last_words

SMALL = {"n_ctx": 1024, "n_parallel": 2}
LONG = {"max_tokens": 1000, "ignore_eos": True}


def spec(kind: ModelKind = ModelKind.LLM, **options: Any) -> ModelSpec:
    return ModelSpec(uid="chat", engine="llama.cpp", kind=kind, options={**SMALL, **options})


@pytest.fixture(scope="module")
def files() -> Files:
    return Files(root=smollm2().parent, paths=(smollm2(),))


def order_with(**changes: Any) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """What the adapter would have refused, given to the host all the same."""
    return lambda argv: (*argv[:-1], json.dumps({**json.loads(argv[-1]), **changes}))


def test_it_answers_by_its_uid_and_ends_when_asked(serve: Serve, files: Files) -> None:
    engine = serve(spec(), files).ready()
    assert engine.ask("/v1/models")[1]["data"][0]["id"] == "chat"
    assert engine.chat()["choices"][0]["message"]["content"]
    *_, last = engine.chat(stream=True, stream_options={"include_usage": True})
    assert last["usage"]["completion_tokens"] == 8
    assert psutil.Process(engine.process.pid).cmdline()[0].startswith("xinfer: llama.cpp chat")
    assert [slot["n_ctx"] for slot in engine.ask("/slots")[1]] == [1024, 1024]
    engine.process.terminate()
    engine.ended()


def test_what_clients_ask_for(serve: Serve, files: Files) -> None:
    engine = serve(spec(), files).ready()
    schema = {
        "type": "object",
        "properties": {"colour": {"enum": ["red", "blue"]}},
        "required": ["colour"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    content = engine.chat(response_format=wanted, max_tokens=60)["choices"][0]["message"]["content"]
    assert json.loads(content)["colour"] in ("red", "blue")
    scored = engine.chat(logprobs=True, top_logprobs=2)["choices"][0]["logprobs"]["content"]
    assert len(scored[0]["top_logprobs"]) == 2
    body = {"model": "chat", "prompt": "One, two,", "max_tokens": 4}
    assert engine.ask("/v1/completions", body)[1]["choices"][0]["text"]
    body["prompt"] = "word " * 1100
    status, reply = engine.ask("/v1/completions", body)
    assert (status, reply["error"]["type"]) == (400, "exceed_context_size_error")


def test_sigterm_ends_it_also_while_it_loads(serve: Serve, files: Files) -> None:
    engine = serve(spec(), files)
    assert engine.address
    engine.process.terminate()
    engine.ended()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(lambda data: b"", "failed to", id="empty"),
        pytest.param(lambda data: b"x" * 4096, "invalid magic", id="garbage"),
        pytest.param(lambda data: data[: 60 * 10**6], "not within the file bounds", id="cut off"),
    ],
)
def test_a_file_that_is_no_model_ends_it_with_a_cause(
    serve: Serve, files: Files, tmp_path: Path, damage: Callable[[bytes], bytes], said: str
) -> None:
    path = tmp_path / "damaged.gguf"
    path.write_bytes(damage(smollm2().read_bytes()))
    engine = serve(spec(), files, alter=order_with(model=str(path)))
    assert engine.ended() == 1
    assert f"llama.cpp could not load {path}" in engine.log
    assert said in engine.log
    assert last_words(engine.log.splitlines())


def test_a_client_that_goes_away_ends_its_stream(serve: Serve, files: Files) -> None:
    engine = serve(spec(), files).ready()
    body = {"model": "chat", "prompt": "Once", "stream": True, **LONG}
    with engine.send("/v1/completions", body) as connection:
        assert connection.recv(1000)
        wait_until("generation", lambda: _busy(engine) == 1)
    wait_until("its end", lambda: "cancel task" in engine.log)
    wait_until("a free slot", lambda: _busy(engine) == 0)


def test_a_client_that_goes_away_ends_a_whole_reply_too(serve: Serve, files: Files) -> None:
    engine = serve(spec(), files).ready()
    with engine.send("/v1/completions", {"model": "chat", "prompt": "Once", **LONG}):
        wait_until("generation", lambda: _busy(engine) == 1)
    # Looked for in the log: a question about slots would put off its look at the connection.
    wait_until("its end", lambda: "cancel task" in engine.log)


def _busy(engine: Served) -> int:
    return sum(slot["is_processing"] for slot in engine.ask("/slots")[1])


def test_a_draft_model_drafts(serve: Serve, files: Files) -> None:
    options = {"draft_model": smollm2().name, "draft_n_max": 4, "draft_n_min": 1}
    engine = serve(spec(**options, draft_p_min=0.1), files).ready()
    assert engine.chat(max_tokens=16)["timings"]["draft_n"] > 0


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"cache_type_k": "q8_0", "cache_type_v": "q4_0", "flash_attn": "on"}, id="q"),
        pytest.param({"cache_type_k": "f32", "cache_type_v": "bf16", "flash_attn": "off"}, id="f"),
        pytest.param({"kv_unified": True, "swa_full": True, "context_shift": True}, id="unified"),
        pytest.param({"use_mmap": False, "use_mlock": True, "numa": "distribute"}, id="memory"),
        pytest.param(
            {"n_threads": 1, "n_threads_batch": 2, "n_batch": 64, "n_ubatch": 32, "n_predict": 5},
            id="capacity",
        ),
        pytest.param(
            {
                "rope_scaling": "yarn",
                "rope_freq_base": 10000.0,
                "rope_freq_scale": 0.5,
                "yarn_orig_ctx": 4096,
                "seed": 7,
                "reasoning_format": "deepseek-legacy",
                "warmup": False,
                "cache_ram_mib": 0,
            },
            id="other",
        ),
        pytest.param(
            {
                "n_gpu_layers": 0,
                "split_mode": "none",
                "main_gpu": 0,
                "no_kv_offload": True,
                "tensor_split": [1.0],
            },
            id="accelerator",
        ),
    ],
)
def test_options_reach_it(serve: Serve, files: Files, options: dict[str, Any]) -> None:
    assert serve(spec(**options), files).ready().chat()["choices"][0]["message"]["content"]


def test_a_template_of_the_user(serve: Serve, files: Files) -> None:
    text = "{% for m in messages %}<{{ m.role }}:{{ mood }}:{{ calm }}>{{ m.content }}{% endfor %}"
    kwargs = {"mood": "kind", "calm": False}
    engine = serve(spec(chat_template=text, chat_template_kwargs=kwargs), files).ready()
    messages = [{"role": "user", "content": "hi"}]
    assert engine.ask("/apply-template", {"messages": messages})[1] == {
        "prompt": "<user:kind:False>hi"
    }
    engine = serve(spec(chat_template="llama2", jinja=False), files).ready()
    assert "[INST] hi" in engine.ask("/apply-template", {"messages": messages})[1]["prompt"]


def test_embeddings(serve: Serve, files: Files) -> None:
    engine = serve(spec(ModelKind.EMBEDDING), files).ready()
    # The second text fills the context of a slot, beyond llama.cpp's own batch of 512.
    texts = ["a cat", "word " * 1000, "a cat"]
    status, reply = engine.ask("/v1/embeddings", {"model": "chat", "input": texts})
    assert status == 200, reply
    first, _, again = (each["embedding"] for each in reply["data"])
    assert len(first) == 576
    assert math.isclose(
        math.fsum(a * b for a, b in zip(first, again, strict=True)), 1.0, abs_tol=0.01
    )


def test_the_rerank_route(serve: Serve, files: Files) -> None:
    engine = serve(spec(ModelKind.RERANK), files).ready()
    body = {"model": "chat", "query": "a cat", "documents": ["a dog", "a cat"]}
    status, reply = engine.ask("/v1/rerank", body)
    assert status == 200, reply
    assert sorted(each["index"] for each in reply["results"]) == [0, 1]


@pytest.mark.llama_cpp_python
def test_llama_cpp_python(serve: Serve, files: Files) -> None:
    python = os.environ.get("XINFER_TEST_LLAMA_CPP_PYTHON") or sys.executable
    if python == sys.executable and importlib.util.find_spec("llama_cpp") is None:
        pytest.skip("llama-cpp-python is not built here")
    wanted = ModelSpec(
        uid="chat", engine="llama.cpp", options={"binding": "llama-cpp-python", "n_ctx": 1024}
    )
    engine = serve(wanted, files, python=python).ready()
    assert engine.ask("/v1/models")[1]["data"][0]["id"] == "chat"
    reply = engine.chat()
    assert reply["choices"][0]["message"]["content"]
    assert reply["usage"]["completion_tokens"] == 8
    # A second request must not break off the first.
    body = {"model": "chat", "prompt": "Once", "stream": True, "max_tokens": 60}
    with engine.send("/v1/completions", body) as first:
        assert first.recv(1000)
        engine.chat()
        heard = b""
        while b"[DONE]" not in heard:
            data = first.recv(65536)
            assert data, "the first request was broken off"
            heard += data
    engine.process.terminate()
    engine.ended()
