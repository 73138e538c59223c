"""Engines that break, and several processes that serve."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.process.appliance import Appliance, wait_until
from tests.process.gateway.calls import body, metric, stats, stream


def back_after(one: Appliance, model: str, restarts: int) -> None:
    def is_back() -> bool:
        found = one.models()[model]
        return found["state"] == "ready" and found["restarts"] == restarts

    wait_until(f"{model} after {restarts} restarts", is_back)


def test_breaking_engines_are_told_apart_from_bad_requests(tmp_path: Path) -> None:
    made = Appliance(tmp_path, "models:\n  glass: {engine: echo}\n")
    try:
        made.start().wait_ready({"glass": 1})
        reply = stream(made, body("glass", echo={"chunks": 50, "crash_after_chunks": 5}))
        said = reply.read()
        assert b'"engine_failed"' in said
        assert b"[DONE]" not in said
        back_after(made, "glass", restarts=1)
        status, error = made.chat("glass", echo={"crash": True})
        assert status == 502
        assert "glass-rep0" in error["error"]["message"]
        # The request may have run: it was not sent to the engine that came back.
        back_after(made, "glass", restarts=2)
        assert stats(made, "glass")["requests"] == 0
        wait_until("an answer again", lambda: made.chat("glass")[0] == 200)
    finally:
        made.destroy()


def test_the_gateway_works_over_several_processes(tmp_path: Path) -> None:
    models = "models:\n  many: {engine: echo}\n  one: {engine: echo, limits: {max_in_flight: 1}}\n"
    made = Appliance(tmp_path, models, "gateway.workers=3")
    try:
        made.start().wait_ready({"many": 1, "one": 1})
        wait_until("all", lambda: len(made.processes("xinfer: supervisor worker")) == 3)
        for _ in range(30):
            assert made.chat("many")[0] == 200
        wait_until(
            "all counted",
            lambda: metric(made, "xinfer_requests_total", model="many", status="200") == 30,
        )
        assert most_at_once(made, "one", 9) == 1
    finally:
        made.destroy()


def most_at_once(made: Appliance, uid: str, requests: int) -> int:
    """The most requests that the engine ran together while this many came at the same time."""
    asks = [
        threading.Thread(target=made.chat, args=(uid,), kwargs={"echo": {"delay_s": 0.1}})
        for _ in range(requests)
    ]
    for ask in asks:
        ask.start()
    for ask in asks:
        ask.join()
    seen = stats(made, uid)
    assert seen["requests"] == requests
    return seen["most_active"]
