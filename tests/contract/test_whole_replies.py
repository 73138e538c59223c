"""Whole replies of llama.cpp, which is asked for streams: as its own, and ended in time."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from typing import Any

import pytest

from tests.process.appliance import Appliance, wait_until

HELLO = [{"role": "user", "content": "Say hello."}]
SHORT = {"model": "chat", "max_tokens": 6, "temperature": 0, "cache_prompt": False}
LONG = {"model": "chat", "max_tokens": 3000, "ignore_eos": True}
_ONCE = frozenset({"id", "created", "created_at", "completed_at", "timings"})
"""What no two replies have in common."""

ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {**SHORT, "messages": HELLO, "logprobs": True}),
    "completion": ("/v1/completions", {**SHORT, "prompt": "One, two,", "logprobs": 2}),
    "prompts": ("/v1/completions", {**SHORT, "prompt": ["One, two,", "A, B,"]}),
    "response": (
        "/v1/responses",
        {"model": "chat", "input": "Say hello.", "temperature": 0, "max_output_tokens": 6},
    ),
    "message": ("/v1/messages", {**SHORT, "messages": HELLO}),
    "too long": ("/v1/chat/completions", {"model": "chat", "messages": HELLO * 900}),
}


def said_by(address: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    with closing(http.client.HTTPConnection(address, timeout=60)) as connection:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())


def lasting(said: Any) -> Any:
    if isinstance(said, dict):
        return {key: lasting(value) for key, value in said.items() if key not in _ONCE}
    if isinstance(said, list):
        return [lasting(each) for each in said]
    return said


@pytest.mark.parametrize("name", ASKED)
def test_a_whole_reply_is_what_the_engine_itself_says(one: Appliance, name: str) -> None:
    path, body = ASKED[name]
    engine = one.models()["chat"]["address"]
    status, own = said_by(engine, path, body)
    got_status, got = said_by(f"127.0.0.1:{one.port}", path, body)
    got.pop("detail", None)
    if name == "prompts":
        # The engine counts one of them.
        assert got.pop("usage")["completion_tokens"] == 12
        assert own.pop("usage")["completion_tokens"] == 6
    assert (got_status, lasting(got)) == (status, lasting(own))


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_a_client_that_goes_away_ends_its_whole_reply_beside_others(
    one: Appliance, path: str
) -> None:
    engine = one.models()["chat"]["address"]

    def busy() -> int:
        with closing(http.client.HTTPConnection(engine, timeout=60)) as connection:
            connection.request("GET", "/slots")
            slots = json.loads(connection.getresponse().read())
        return sum(slot["is_processing"] for slot in slots)

    words = {"input": "Tell me."} if path == "/v1/responses" else {"messages": HELLO}
    with closing(http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)) as other:
        other.request(
            "POST", "/v1/completions", json.dumps({**LONG, "prompt": "A", "stream": True})
        )
        stream = other.getresponse()
        assert stream.readline().startswith(b"data:")
        leaving = http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)
        leaving.request("POST", path, json.dumps({**LONG, **words}))
        wait_until("both", lambda: busy() == 2)
        leaving.close()
        wait_until("one to end", lambda: busy() == 1)
        assert stream.readline() is not None
    wait_until("the other to end", lambda: busy() == 0)
