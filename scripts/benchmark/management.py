"""Management: a long list of models, and the time from a launch to a model that serves."""

from __future__ import annotations

import time
from collections.abc import Mapping
from statistics import median
from typing import Any

from scripts.benchmark.gateway import KEY, installation
from scripts.benchmark.load import Target, run
from tests.process.appliance import Appliance

_MODELS = 200
_LAUNCHES = 15
_BEARER = {"Authorization": f"Bearer {KEY}"}
_STARTS_S = 300.0


def management(seconds: float = 5.0) -> dict[str, Any]:
    """Launches on an installation with one model; then lists of 200, each with a live replica."""
    with installation() as (one, through, _):
        launches = [_launch(one, f"quick-{number}") for number in range(_LAUNCHES)]
        for number in range(_LAUNCHES):
            _done(one.request("DELETE", f"/v1/models/quick-{number}", headers=_BEARER))
        for number in range(_MODELS - 1):
            body = {"model_name": f"many-{number}", "model_engine": "echo"}
            _done(one.request("POST", "/v1/models?wait_ready=false", body, _BEARER))
        _all_ready(one)
        listed = run(Target(through, "/v1/models", None, KEY), 16, seconds)
    return {
        "launch_to_ready_ms": round(1000 * median(launches)),
        "launch_to_ready_worst_ms": round(1000 * max(launches)),
        "lists_of_200_per_s": round(listed.per_s),
        "lists_of_200_errors": listed.errors,
    }


def _launch(one: Appliance, uid: str) -> float:
    """Seconds until the answer, which comes when the model serves."""
    began = time.perf_counter()
    body = {"model_name": uid, "model_engine": "echo"}
    _done(one.request("POST", "/v1/models", body, _BEARER))
    return time.perf_counter() - began


def _all_ready(one: Appliance) -> None:
    deadline = time.monotonic() + _STARTS_S
    while time.monotonic() < deadline:
        reply = _done(one.request("GET", "/v1/models", headers=_BEARER))
        states = [each["state"] for each in reply["data"]]
        if states == ["ready"] * _MODELS:
            return
        time.sleep(0.5)
    raise RuntimeError(f"Of {_MODELS} models {states.count('ready')} are ready.")


def _done(answer: tuple[int, Any]) -> Mapping[str, Any]:
    status, said = answer
    if status != 200:
        raise RuntimeError(f"The installation answered {status}: {said}")
    return said or {}
