"""Output tokens per second through the gateway against straight from the same engine."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from scripts.benchmark.load import Result, Target, run_each
from tests.process.appliance import ROOT, Appliance

_CHAT = "/v1/chat/completions"
_BODY = {
    "model": "chat",
    "messages": [{"role": "user", "content": "Tell me a long story about a fox."}],
    "max_tokens": 64,
    "temperature": 0,
    "ignore_eos": True,
    "stream": True,
    "stream_options": {"include_usage": True},
}


_ROUNDS = {1: 40, 4: 30, 8: 12, 16: 12}
"""By clients. A round alone is off by a tenth either way; fewer tokens need more of them."""


def engine() -> dict[str, Any]:
    """Both ways in turns, first the one and then the other, so that a change of the machine's mood
    touches both.
    """
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="xinfer-bench-") as folder:
        one = Appliance(Path(folder), ROOT / "recipes" / "quickstart.yaml")
        try:
            one.start().wait_ready({"chat": 1}, timeout_s=120)
            direct = one.models()["chat"]["address"]
            for clients, rounds in _ROUNDS.items():
                ways = {"direct": direct, "gateway": f"127.0.0.1:{one.port}"}
                totals = {way: Result() for way in ways}
                for turn in range(rounds):
                    for way, address in sorted(ways.items(), reverse=turn % 2 == 1):
                        target = Target(address, _CHAT, _BODY)
                        totals[way].add(run_each(target, clients, 4 if clients == 1 else 2))
                rates = {way: total.tokens_per_s for way, total in totals.items()}
                found[f"tokens_per_s_{clients}"] = {
                    **{way: round(rate, 1) for way, rate in rates.items()},
                    "ratio": round(rates["gateway"] / rates["direct"], 3),
                    "errors": totals["gateway"].errors,
                }
        finally:
            one.destroy()
    return found
