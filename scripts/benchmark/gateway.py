"""The gateway before the weightless engine: what it costs, with everything on."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.benchmark.load import Target, run
from scripts.benchmark.startup import pss_mb
from tests.process.appliance import Appliance

KEY = "bench-key"
CHAT = "/v1/chat/completions"
RECIPE = f"""
defaults: [base]
auth: {{mode: 'on', keys: [{KEY}]}}
models:
  echo: {{engine: echo}}
"""
SMALL = {"model": "echo", "messages": [{"role": "user", "content": "hello there my friend"}]}
STREAM = {**SMALL, "stream": True, "echo": {"chunks": 100}}
STEADY = {**SMALL, "stream": True, "echo": {"chunks": 100, "chunk_delay_s": 0.1}}
ONE_BY_ONE = {**SMALL, "stream": True, "echo": {"chunks": 8, "chunk_delay_s": 0.005}}


@contextmanager
def installation(workers: int = 1) -> Iterator[tuple[Appliance, str, str]]:
    """A running installation, its gateway's address and its engine's."""
    with tempfile.TemporaryDirectory(prefix="xinfer-bench-") as folder:
        one = Appliance(Path(folder), RECIPE, f"gateway.workers={workers}")
        bearer = {"Authorization": f"Bearer {KEY}"}
        try:
            one.start()
            deadline = time.monotonic() + 60
            while True:
                status, listed = one.request("GET", "/v1/models", headers=bearer)
                if status == 200 and listed["data"] and listed["data"][0]["state"] == "ready":
                    break
                if time.monotonic() > deadline:
                    raise RuntimeError(one.transcript())
                time.sleep(0.05)
            yield one, f"127.0.0.1:{one.port}", listed["data"][0]["address"]
        finally:
            one.destroy()


def gateway(seconds: float = 5.0) -> dict[str, Any]:
    """Rates of one gateway process at 16 clients, and time to first token at one client."""
    found: dict[str, Any] = {}
    with installation() as (_, through, direct):
        for name, body in (("small_replies", SMALL), ("streams_of_100", STREAM)):
            for where, address in (("direct", direct), ("gateway", through)):
                result = run(Target(address, CHAT, body, KEY), 16, seconds)
                found[f"{name}_per_s_{where}"] = round(result.per_s)
                found[f"{name}_errors_{where}"] = result.errors
        models = run(Target(through, "/v1/models", None, KEY), 16, seconds)
        found["models_per_s"] = round(models.per_s)
        first = {"direct": [], "gateway": []}  # type: dict[str, list[float]]
        for _ in range(4):
            for where, address in (("direct", direct), ("gateway", through)):
                first[where].append(
                    run(Target(address, CHAT, ONE_BY_ONE, KEY), 1, seconds / 4).first_ms()
                )
        middle = {where: sorted(values)[len(values) // 2] for where, values in first.items()}
        found["first_token_added_ms"] = round(middle["gateway"] - middle["direct"], 2)
    return found


def scaling(seconds: float = 5.0, rounds: int = 3) -> dict[str, Any]:
    """One gateway process and two, asked for the list of models: no engine takes a core meanwhile.

    What asks takes some of a core too, so two cores cannot show a doubling. How far they could go
    follows from what a reply costs with one process, there and at whoever asks.
    """
    rates: dict[int, list[float]] = {1: [], 2: []}
    costs: list[tuple[float, float]] = []
    for _ in range(rounds):
        for workers, seen in rates.items():
            with installation(workers) as (one, through, _direct):
                before = _spent(one)
                result = run(Target(through, "/v1/models", None, KEY), 32, seconds)
                seen.append(result.per_s)
                if workers == 1:
                    ours, asking = (
                        (after - earlier) / result.replies
                        for after, earlier in zip(_spent(one), before, strict=True)
                    )
                    costs.append((ours, asking))
    one_process, two = max(rates[1]), max(rates[2])
    ours, asking = min(costs)
    allowed = min(2 / ours, len(os.sched_getaffinity(0)) / (ours + asking))
    return {
        "models_per_s_1_processes": round(one_process),
        "models_per_s_2_processes": round(two),
        "ratio": round(two / one_process, 2),
        "cores": len(os.sched_getaffinity(0)),
        "cpu_us_of_a_reply": round(1e6 * ours),
        "cpu_us_of_asking": round(1e6 * asking),
        "ratio_that_the_cores_allow": round(allowed / one_process, 2),
        "share_of_it": round(two / allowed, 2),
    }


def _spent(one: Appliance) -> tuple[float, float]:
    """Seconds of the processor so far: of all of the installation, and of this process."""
    times = [process.cpu_times() for process in one.processes()]
    own = os.times()
    return sum(each.user + each.system for each in times), own.user + own.system


def soak(streams: int = 256, seconds: float = 60.0) -> dict[str, Any]:
    """Many steady streams at once: errors, and memory of the gateway early and late."""
    with installation() as (one, through, _):
        target = Target(through, CHAT, STEADY, KEY)
        warm = run(target, streams, seconds / 4)
        worker = one.processes("xinfer: supervisor worker")[0]
        early = pss_mb(worker)
        result = run(target, streams, seconds)
        late = pss_mb(worker)
    return {
        "streams": streams,
        "replies": result.replies,
        "errors": warm.errors + result.errors,
        "memory_early_mb": round(early, 1),
        "memory_late_mb": round(late, 1),
    }
