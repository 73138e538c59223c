"""Three answers of an engine, and one of nobody."""

from __future__ import annotations

import socket
import threading

import pytest

from xinfer.worker.probe import Answer, ask


def answer_once(reply: bytes | None) -> str:
    """A server for one connection; `reply` None keeps it open without a word."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with server, server.accept()[0] as client:
            client.recv(4096)
            if reply is None:
                client.recv(1)
            else:
                client.sendall(reply)

    threading.Thread(target=serve, daemon=True).start()
    return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    ("reply", "answer", "detail"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Answer.READY, "answered 200"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", Answer.LOADING, "answered 503"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", Answer.LOADING, "answered 404"),
        (b"", Answer.BUSY, "failed"),
        (b"SSH-2.0-other\r\n", Answer.BUSY, "failed"),
        (None, Answer.BUSY, "no answer in 0.2 s"),
    ],
)
def test_what_an_engine_may_say(reply: bytes | None, answer: Answer, detail: str) -> None:
    found = ask(answer_once(reply), "/health", 0.2 if reply is None else 60.0)
    assert found.answer is answer
    assert detail in found.detail


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = ask(f"127.0.0.1:{taken.getsockname()[1]}", "/health", 60.0)
    assert found.answer is Answer.UNREACHABLE
