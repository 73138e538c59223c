"""The byte path under good and bad clients and breaking engines, all of it real."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.process.appliance import Appliance, wait_until

RECIPE = """
defaults: [base]
gateway: {max_body_bytes: 1000000, header_timeout_s: 1.5}
models:
  parrot: {engine: echo, replicas: 2}
  narrow: {engine: echo, limits: {max_in_flight: 1, max_queue: 1}}
  slow: {engine: echo, engine_kwargs: {load_s: 600}}
"""
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    made = Appliance(tmp_path_factory.mktemp("gateway"), RECIPE)
    try:
        made.start()
        wait_until(
            "parrot and narrow",
            lambda: (
                made.models().get("parrot", {}).get("replicas_ready") == 2
                and made.models().get("narrow", {}).get("state") == "ready"
            ),
        )
        yield made
    finally:
        made.destroy()


def body(model: str = "parrot", content: str = "one two three", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


def raw(one: Appliance, data: bytes, timeout_s: float = 10.0) -> bytes:
    """Send bytes on a new connection; everything that comes back until it closes."""
    with socket.create_connection(("127.0.0.1", one.port), timeout=timeout_s) as client:
        client.sendall(data)
        received = b""
        while piece := client.recv(65536):
            received += piece
        return received


def stream(one: Appliance, request: dict[str, Any]) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=20)
    data = json.dumps({**request, "stream": True})
    connection.request("POST", CHAT, data, {"Content-Type": "application/json"})
    return connection.getresponse()


def events(reply: http.client.HTTPResponse) -> list[dict[str, Any]]:
    lines = [line[6:] for line in reply.read().splitlines() if line.startswith(b"data: ")]
    assert lines[-1] == b"[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def stats(one: Appliance, model: str) -> dict[str, int]:
    """What the engines of a model saw, summed over replicas."""
    total: dict[str, int] = {}
    for replica in one.request("GET", f"/v1/models/{model}/replicas")[1]:
        url = f"http://{replica['model_address']}/stats"
        with urllib.request.urlopen(url, timeout=5) as reply:
            for name, value in json.load(reply).items():
                total[name] = total.get(name, 0) + value
    return total


def metric(one: Appliance, name: str, **labels: str) -> float:
    """A sample's value, summed over what the labels leave open."""
    total = 0.0
    for line in one.request("GET", "/metrics")[1].splitlines():
        if line.startswith((f"{name}{{", f"{name} ")) and all(
            f'{key}="{value}"' in line for key, value in labels.items()
        ):
            total += float(line.rsplit(" ", 1)[1])
    return total


def back_after(one: Appliance, model: str, restarts: int) -> None:
    def is_back() -> bool:
        found = one.models()[model]
        return found["state"] == "ready" and found["restarts"] == restarts

    wait_until(f"{model} after {restarts} restarts", is_back)


def test_a_reply_has_usage_and_the_request_id_comes_back(one: Appliance) -> None:
    request = urllib.request.Request(
        f"{one.url}{CHAT}", json.dumps(body()).encode(), {"X-Request-ID": "trace-7"}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert reply.headers["X-Request-ID"] == "trace-7"
        said = json.load(reply)
    assert said["usage"] == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}
    assert said["model"] == "parrot"
    request.remove_header("X-request-id")
    request.add_header("X-Request-ID", "bad id\t")
    with urllib.request.urlopen(request, timeout=10) as reply:
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
    wait_until("the engine to stop", lambda: stats(one, "parrot")["active"] == 0, 1.5)


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
    wait_until("it to end", lambda: stats(one, "parrot")["active"] == before["active"], 1.5)
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
    with closing(http.client.HTTPConnection("127.0.0.1", one.port, timeout=10)) as third:
        third.request("POST", CHAT, json.dumps(body("narrow", "third")))
        refused = third.getresponse()
        said = json.load(refused)
        assert refused.status == 429
        assert int(refused.headers["Retry-After"]) >= 1
        assert said["error"]["type"] == "rate_limit_error"
    first.close()
    second.join(10)
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
    wait_until("nobody in line", lambda: metric(one, queued, model="narrow") == 0, 3)
    first.close()
    assert one.chat("narrow")[0] == 200
    assert stats(one, "narrow")["requests"] == ran + 1


def test_models_that_cannot_answer_say_why(one: Appliance) -> None:
    status, said = one.chat("parot")
    assert status == 404
    assert said["error"]["code"] == "model_not_found"
    assert "'parrot'" in said["error"]["message"]
    with closing(http.client.HTTPConnection("127.0.0.1", one.port, timeout=10)) as connection:
        connection.request("POST", CHAT, json.dumps(body("slow")))
        reply = connection.getresponse()
        assert reply.status == 503
        assert int(reply.headers["Retry-After"]) >= 1
        assert "loading" in json.load(reply)["error"]["message"]


@pytest.mark.parametrize(
    ("data", "param"),
    [
        (b"{", "body"),
        (b"", "body"),
        (b"[1]", "body"),
        (b'{"messages": []}', "model"),
        (b'{"model": 5}', "model"),
        (b'{"model": "parrot", "stream": "maybe"}', "stream"),
        (b'{"model": "parrot", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "body"),
    ],
)
def test_bad_bodies_are_refused_in_the_openai_envelope(
    one: Appliance, data: bytes, param: str
) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", one.port, timeout=10)) as connection:
        connection.request("POST", CHAT, data)
        reply = connection.getresponse()
        assert reply.status == 400
        error = json.load(reply)["error"]
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert one.chat("parrot")[0] == 200


def test_an_engines_refusal_is_passed_on_and_does_not_take_it_out(one: Appliance) -> None:
    for _ in range(20):
        status, said = one.chat("parrot", echo={"status": 422})
        assert status == 422
        assert said["error"]["message"] == "refused as asked"
    assert one.models()["parrot"]["replicas_ready"] == 2
    assert one.chat("parrot")[0] == 200


def test_a_body_that_is_too_large_is_refused_unread(one: Appliance) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n" % CHAT.encode()
    reply = raw(one, head + b"x" * 1000)
    assert reply.startswith(b"HTTP/1.1 413 ")
    assert b"max_body_bytes" in reply
    chunked = b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" % CHAT.encode()
    piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    assert raw(one, chunked + piece + b"0\r\n\r\n").startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /health HTTP/1.1\r\n" + b"X-Y: z\r\n" * 5000 + b"\r\n", 431),
        (b"GET /health HTTP/1.1\r\nX-Y: " + b"z" * 100_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"z" * 100_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"NONSENSE\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ],
)
def test_floods_and_nonsense_are_refused_in_json(one: Appliance, data: bytes, status: int) -> None:
    reply = raw(one, data)
    head, _, said = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(said)["error"]["message"]
    assert one.chat("parrot")[0] == 200


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: +5",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked, identity",
        b"Content-Length: 5\r\nX-Y: z\r\n folded: into it",
        b"Content-Length : 5",
        b"Host: y\r\nContent-Length: 5",
    ],
)
def test_a_request_that_two_readers_could_cut_differently_is_refused(
    one: Appliance, fields: bytes
) -> None:
    hidden = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"POST %b HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n" % (CHAT.encode(), fields)
    reply = raw(one, head + b"0\r\n\r\n" + hidden)
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert reply.count(b"HTTP/1.1 ") == 1, "nothing behind it is taken for a request"


def test_slow_and_half_open_clients_are_bounded_and_harm_nobody(one: Appliance) -> None:
    silent = [socket.create_connection(("127.0.0.1", one.port), timeout=15) for _ in range(50)]
    slow = [socket.create_connection(("127.0.0.1", one.port), timeout=15) for _ in range(50)]
    for client in slow:
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost:")
    assert one.chat("parrot")[0] == 200
    for client in slow:
        assert client.recv(4096).startswith(b"HTTP/1.1 408 ")
    for client in silent:
        assert client.recv(4096) == b""
    for client in (*silent, *slow):
        client.close()


def test_a_cut_off_or_garbled_body_is_the_clients_fault(one: Appliance) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" % CHAT.encode()
    assert raw(one, head + b"ZZ\r\n").startswith(b"HTTP/1.1 400 ")
    short = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{}" % CHAT.encode()
    with socket.create_connection(("127.0.0.1", one.port), timeout=5) as client:
        client.sendall(short)
    assert one.chat("parrot")[0] == 200
    assert "Traceback" not in (one.home / "logs" / "supervisor.log").read_text()


def test_no_spelling_of_a_path_goes_around_the_cluster_token(one: Appliance) -> None:
    for path in ("/cluster/nodes/local/assignment", "//cluster/nodes/local/assignment"):
        assert one.request("GET", path)[0] == 401
        wrong = {"Authorization": "Bearer nonsense"}
        assert one.request("GET", path, headers=wrong)[0] == 401
    token = {"Authorization": f"Bearer {(one.home / 'run' / 'cluster.token').read_text()}"}
    status, said = one.request("GET", "/cluster/nodes/local/assignment", headers=token)
    assert status == 200
    assert {replica["uid"] for replica in said["replicas"]} == {"parrot", "narrow", "slow"}
    assert one.request("GET", "//v1/models")[0] == 404


def test_a_large_body_reaches_an_engine_that_is_slow_to_read(one: Appliance) -> None:
    words = "word " * 150_000
    status, said = one.chat("parrot", words, max_tokens=3)
    assert status == 200
    assert said["usage"]["prompt_tokens"] == 150_000


def test_unknown_paths_and_methods_answer_in_json(one: Appliance) -> None:
    assert one.request("GET", "/v1/nothing") == (404, {"detail": "There is no GET /v1/nothing."})
    status, said = one.request("DELETE", CHAT)
    assert status == 405
    assert "DELETE" in said["error"]["message"]


def test_head_is_get_without_a_body_and_a_body_may_come_in_chunks(one: Appliance) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=20)
    for path, status in (("/health", 200), ("/v1/models", 200), ("/v1/nothing", 404)):
        connection.request("HEAD", path)
        reply = connection.getresponse()
        assert (reply.status, reply.read()) == (status, b"")
    for text, status in (('{"name": "in chunks"}', 201), ('{"name": ""}', 400), ("", 400)):
        chunks = [text[:5].encode(), text[5:].encode()]
        connection.request("POST", "/v1/admin/keys", (piece for piece in chunks if piece))
        reply = connection.getresponse()
        assert reply.status == status, reply.read()
        reply.read()


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
        assert len(made.processes("xinfer: supervisor worker")) == 3
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
    seen = []
    while any(ask.is_alive() for ask in asks):
        seen.append(stats(made, uid)["active"])
    assert stats(made, uid)["requests"] == requests
    return max(seen)
