"""Replies, streams and the line before an engine, all of it real."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import urllib.request
from contextlib import closing
from typing import Any

import openai
import pytest

from tests.process.appliance import Appliance, wait_until
from tests.process.gateway.calls import CHAT, body, events, metric, stats, stream


def test_a_reply_has_usage_and_the_request_id_comes_back(one: Appliance) -> None:
    request = urllib.request.Request(
        f"{one.url}{CHAT}", json.dumps(body()).encode(), {"X-Request-ID": "trace-7"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        assert reply.headers["X-Request-ID"] == "trace-7"
        said = json.load(reply)
    assert said["usage"] == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}
    assert said["model"] == "parrot"
    request.remove_header("X-request-id")
    request.add_header("X-Request-ID", "bad id\t")
    with urllib.request.urlopen(request, timeout=60) as reply:
        assert len(reply.headers["X-Request-ID"]) == 32


def test_the_usage_chunk_is_shown_only_to_those_who_asked(one: Appliance) -> None:
    before = metric(one, "xinfer_tokens_total", model="parrot", direction="out")
    quiet = events(stream(one, body()))
    assert all(event["choices"] for event in quiet)
    asked = events(stream(one, body(stream_options={"include_usage": True})))
    assert asked[-1]["choices"] == []
    assert asked[-1]["usage"]["completion_tokens"] == 3
    after = metric(one, "xinfer_tokens_total", model="parrot", direction="out")
    assert after - before == 6  # counted both times


def test_a_stream_is_not_held_back(one: Appliance) -> None:
    reply = stream(one, body(echo={"chunks": 3, "chunk_delay_s": 30}))
    first = reply.readline()
    assert first.startswith(b"data: ")
    assert stats(one, "parrot")["active"] == 1
    reply.close()
    wait_until("the engine to stop", lambda: stats(one, "parrot")["active"] == 0)


@pytest.mark.parametrize(
    ("manner", "streams"),
    [
        ({"hang": True}, False),
        ({"hang": True}, True),
        ({"delay_s": 60}, False),
        ({"chunks": 1000, "chunk_delay_s": 0.2}, True),
    ],
)
def test_generation_stops_when_the_client_is_gone(
    one: Appliance, manner: dict[str, Any], streams: bool
) -> None:
    before = stats(one, "parrot")
    client = socket.create_connection(("127.0.0.1", one.port))
    data = json.dumps(body(stream=streams, echo=manner)).encode()
    client.sendall(
        b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
        % (CHAT.encode(), len(data), data)
    )
    wait_until("it to run", lambda: stats(one, "parrot")["active"] == before["active"] + 1)
    client.close()
    wait_until("it to end", lambda: stats(one, "parrot")["active"] == before["active"])
    assert stats(one, "parrot")["cancelled"] == before["cancelled"] + 1
    wait_until(
        "nothing in flight",
        lambda: metric(one, "xinfer_requests_in_flight", model="parrot") == 0,
    )


def test_requests_go_to_the_replica_with_the_fewest(one: Appliance) -> None:
    replies = [stream(one, body(echo={"chunks": 2, "chunk_delay_s": 60})) for _ in range(4)]
    for reply in replies:
        reply.readline()
    busy = []
    for replica in one.request("GET", "/v1/models/parrot/replicas")[1]:
        with urllib.request.urlopen(f"http://{replica['model_address']}/stats") as answer:
            busy.append(json.load(answer)["active"])
    for reply in replies:
        reply.close()
    assert busy == [2, 2]
    wait_until("all to end", lambda: stats(one, "parrot")["active"] == 0)


def test_the_tokens_of_a_stream_are_seen_while_it_goes_on(one: Appliance) -> None:
    def streaming() -> float:
        return metric(one, "xinfer_tokens_streaming", model="parrot")

    before = metric(one, "xinfer_tokens_total", model="parrot", direction="out")
    reply = stream(one, body("parrot", echo={"chunks": 1000, "chunk_delay_s": 0.05}))
    reply.readline()
    first = wait_until("tokens of a stream that goes on", streaming)
    wait_until("more of them", lambda: streaming() > first)
    assert metric(one, "xinfer_tokens_total", model="parrot", direction="out") == before
    reply.close()
    wait_until("none under way", lambda: streaming() == 0)
    assert metric(one, "xinfer_tokens_total", model="parrot", direction="out") > before


def test_a_full_queue_is_refused_and_the_line_keeps_its_order(one: Appliance) -> None:
    first = stream(one, body("narrow", echo={"chunks": 2, "chunk_delay_s": 60}))
    first.readline()
    waiting: list[tuple[int, Any]] = []
    second = threading.Thread(target=lambda: waiting.append(one.chat("narrow", "second")))
    second.start()
    wait_until("one in line", lambda: metric(one, "xinfer_requests_queued", model="narrow") == 1)
    with closing(http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)) as third:
        third.request("POST", CHAT, json.dumps(body("narrow", "third")))
        refused = third.getresponse()
        said = json.load(refused)
        assert refused.status == 429
        assert int(refused.headers["Retry-After"]) >= 1
        assert said["error"]["type"] == "rate_limit_error"
    first.close()
    second.join(60)
    assert waiting[0][0] == 200
    assert waiting[0][1]["choices"][0]["message"]["content"] == "second"


def test_leaving_the_line_gives_the_place_up(one: Appliance) -> None:
    first = stream(one, body("narrow", echo={"chunks": 2, "chunk_delay_s": 60}))
    first.readline()
    data = json.dumps(body("narrow")).encode()
    client = socket.create_connection(("127.0.0.1", one.port))
    client.sendall(
        b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
        % (CHAT.encode(), len(data), data)
    )
    queued = "xinfer_requests_queued"
    wait_until("one in line", lambda: metric(one, queued, model="narrow") == 1)
    ran = stats(one, "narrow")["requests"]
    client.close()
    wait_until("nobody in line", lambda: metric(one, queued, model="narrow") == 0)
    first.close()
    assert one.chat("narrow")[0] == 200
    assert stats(one, "narrow")["requests"] == ran + 1


def test_models_that_cannot_answer_say_why(one: Appliance) -> None:
    status, said = one.chat("parot")
    assert status == 404
    assert said["error"]["code"] == "model_not_found"
    assert "'parrot'" in said["error"]["message"]
    with closing(http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)) as connection:
        connection.request("POST", CHAT, json.dumps(body("slow")))
        reply = connection.getresponse()
        assert reply.status == 503
        assert int(reply.headers["Retry-After"]) >= 1
        assert "loading" in json.load(reply)["error"]["message"]


def test_an_engines_refusal_is_passed_on_and_does_not_take_it_out(one: Appliance) -> None:
    for _ in range(20):
        status, said = one.chat("parrot", echo={"status": 422})
        assert status == 422
        assert said["error"]["message"] == "refused as asked"
    assert one.models()["parrot"]["replicas_ready"] == 2
    assert one.chat("parrot")[0] == 200


def test_a_large_body_reaches_an_engine_that_is_slow_to_read(one: Appliance) -> None:
    words = "word " * 150_000
    status, said = one.chat("parrot", words, max_tokens=3)
    assert status == 200
    assert said["usage"]["prompt_tokens"] == 150_000


def test_health_readiness_and_metrics(one: Appliance) -> None:
    assert one.request("GET", "/health") == (200, {"status": "ok"})
    assert one.request("GET", "/healthz")[0] == 200
    status, ready = one.request("GET", "/readyz")
    assert (status, ready["models"]) == (200, {"desired": 3, "ready": 2})
    one.chat("parrot")
    assert metric(one, "xinfer_requests_total", model="parrot", status="200") >= 1
    assert metric(one, "xinfer_replica_up", model="parrot") == 2
    assert metric(one, "xinfer_replica_up", model="slow") == 0
    assert metric(one, "xinfer_request_duration_seconds_count", model="parrot") >= 1
    events(stream(one, body()))
    assert metric(one, "xinfer_time_to_first_token_seconds_count", model="parrot") >= 1
    assert metric(one, "xinfer_inter_token_latency_seconds_count", model="parrot") >= 1
    assert metric(one, "xinfer_replica_restarts_total", model="slow") == 0


def test_the_official_client_is_content(one: Appliance) -> None:
    client = openai.OpenAI(base_url=f"{one.url}/v1", api_key="unused", max_retries=0)
    reply = client.chat.completions.create(**body(content="a b"))
    assert reply.choices[0].message.content == "a b"
    assert reply.usage is not None
    assert reply.usage.total_tokens == 4
    streamed = client.chat.completions.create(
        **body(content="a b"), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(streamed)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "a b"
    assert chunks[-1].usage is not None
    assert client.completions.create(model="parrot", prompt="x y").choices[0].text == "x y"
    vector = client.embeddings.create(model="parrot", input=["x"], encoding_format="float")
    assert len(vector.data[0].embedding) == 8
    assert {model.id for model in client.models.list()} == {"parrot", "narrow", "slow"}
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(**body("nobody"))
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="", messages=[])
    with pytest.raises(openai.InternalServerError, match="loading"):
        client.chat.completions.create(**body("slow"))


def test_rerank(one: Appliance) -> None:
    asked = {"model": "parrot", "query": "red fox", "documents": ["a cat", "a red fox"]}
    status, said = one.request("POST", "/v1/rerank", asked)
    assert status == 200
    assert said["results"][0]["index"] == 1
