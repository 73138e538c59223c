"""Each engine of safetensors through the gateway, against the same server asked directly."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.benchmark.load import Result, Target, run_each
from tests.process.appliance import Appliance
from tests.process.engines.safetensors import make

_CHAT = "/v1/chat/completions"
_MESSAGES = [{"role": "user", "content": "Tell me a long story about a fox."}]
_CLIENTS = (1, 8, 16)
_LOADS_S = 300.0


@dataclass(frozen=True)
class Measured:
    """An engine and how long it may be asked: a processor gives some engines few tokens a second.

    `name` is what its server calls the model ("" = by the folder); `tokens` those of one reply.
    """

    engine: str
    name: str
    tokens: int
    rounds: int
    options: str = ""


ENGINES = (
    Measured("vllm", "chat", tokens=48, rounds=8, options="max_model_len: 2048"),
    Measured("transformers", "", tokens=24, rounds=5),
    Measured("mlx", "default_model", tokens=6, rounds=4),
)


def engines() -> dict[str, Any]:
    """Tokens per second of both ways and their ratio, by engine and number of clients."""
    maker = _interpreter("transformers")
    if not maker:
        return {"skipped": "XINFER_TEST_TRANSFORMERS names no interpreter to make the model with"}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="xinfer-bench-") as folder:
        model = make(maker, Path(folder))
        for each in ENGINES:
            python = _interpreter(each.engine)
            if python:
                found[each.engine] = _measure(each, python, model, Path(folder) / each.engine)
    return found


def _interpreter(engine: str) -> str:
    return os.environ.get(f"XINFER_TEST_{engine.upper()}", "")


def _measure(each: Measured, python: str, model: Path, folder: Path) -> dict[str, Any]:
    recipe = (
        f"engine: {{{each.engine}: {{env: {python}}}}}\n"
        f"models: {{chat: {{engine: {each.engine}, source: {{path: {model}}}, "
        f"engine_kwargs: {{{each.options}}}}}}}\n"
    )
    one = Appliance(folder, recipe)
    try:
        one.start().wait_ready({"chat": 1}, timeout_s=_LOADS_S)
        ways = {
            "direct": _target(one.models()["chat"]["address"], each.name or str(model), each),
            "gateway": _target(f"127.0.0.1:{one.port}", "chat", each),
        }
        for target in ways.values():
            run_each(target, 2, 1)
        return {str(clients): _compare(ways, clients, each.rounds) for clients in _CLIENTS}
    finally:
        one.destroy()


def _target(address: str, name: str, each: Measured) -> Target:
    body = {
        "model": name,
        "messages": _MESSAGES,
        "max_tokens": each.tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return Target(address, _CHAT, body)


def _compare(ways: dict[str, Target], clients: int, rounds: int) -> dict[str, Any]:
    """Both ways in turns, each first as often as the other."""
    totals = {way: Result() for way in ways}
    for turn in range(rounds):
        for way in sorted(ways, reverse=turn % 2 == 1):
            totals[way].add(run_each(ways[way], clients, 2 if clients == 1 else 1))
    rates = {way: total.tokens_per_s for way, total in totals.items()}
    return {
        **{way: round(rate, 1) for way, rate in rates.items()},
        "ratio": round(rates["gateway"] / rates["direct"], 3),
        "errors": totals["gateway"].errors,
    }
