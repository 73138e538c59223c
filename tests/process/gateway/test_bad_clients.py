"""What is no request, or one that could do harm: refused in words, and nobody else notices."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import closing

import pytest

from tests.process.appliance import Appliance
from tests.process.gateway.calls import CHAT, raw


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
    with closing(http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)) as connection:
        connection.request("POST", CHAT, data)
        reply = connection.getresponse()
        assert reply.status == 400
        error = json.load(reply)["error"]
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
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
    silent = [socket.create_connection(("127.0.0.1", one.port), timeout=60) for _ in range(50)]
    slow = [socket.create_connection(("127.0.0.1", one.port), timeout=60) for _ in range(50)]
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
    with socket.create_connection(("127.0.0.1", one.port), timeout=60) as client:
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


def test_unknown_paths_and_methods_answer_in_json(one: Appliance) -> None:
    assert one.request("GET", "/v1/nothing") == (404, {"detail": "There is no GET /v1/nothing."})
    status, said = one.request("DELETE", CHAT)
    assert status == 405
    assert "DELETE" in said["error"]["message"]


def test_head_is_get_without_a_body_and_a_body_may_come_in_chunks(one: Appliance) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)
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
