"""Ways: which connection a call gets, and what becomes of those that have ended."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent import socket

from xinfer.domain.way import GRANTED, PROCESS, PROCESSES, Call, parse_call
from xinfer.gateway.ways import Ways

_SOON_S = 0.05
_LONG_S = 20.0


class Node:
    """The other end: opens ways and answers calls."""

    def __init__(self) -> None:
        self.ways = Ways(processes=3)
        self.calls: list[Call] = []
        self._ends: list[socket.socket] = []
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()

    def open(self) -> socket.socket:
        """One more way; our end of it."""
        mine = socket.create_connection(self._listener.getsockname())
        theirs, _ = self._listener.accept()
        self.ways.offer("b", theirs)
        head = mine.recv(4096).decode()
        assert head.startswith("HTTP/1.1 101 ")
        assert f"{PROCESSES}: 3" in head
        assert f"{PROCESS}: " in head
        self._ends.append(mine)
        return mine

    def answers(self, answer: Callable[[socket.socket], None]) -> socket.socket:
        """A way whose call is read and then answered like that."""
        mine = self.open()

        def serve() -> None:
            line, _, rest = mine.recv(4096).partition(b"\r\n")
            self.calls.append(parse_call(line))
            assert rest == b"hello"
            answer(mine)

        gevent.spawn(serve)
        return mine

    def call(self, timeout_s: float = _LONG_S) -> socket.socket:
        return self.ways.open("b", timeout_s, replica_id="m-rep0", greeting=b"hello")

    def close(self) -> None:
        for end in (self._listener, *self._ends):
            end.close()


def grants(way: socket.socket) -> None:
    way.sendall(GRANTED + b"welcome")


def shut(way: socket.socket) -> None:
    way.close()


def reset(way: socket.socket) -> None:
    way.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    way.close()


@pytest.fixture
def node() -> Iterator[Node]:
    made = Node()
    yield made
    made.close()


def test_one_that_ended_while_it_lay_idle_is_passed_over(node: Node) -> None:
    node.answers(grants)
    node.open().close()
    assert node.call().recv(100) == b"welcome"
    assert node.calls == [Call(replica_id="m-rep0")]
    assert node.ways.idle("b") == 0


@pytest.mark.parametrize("end", [shut, reset])
def test_one_that_ends_before_it_answers_is_replaced_by_the_next(
    node: Node, end: Callable[[socket.socket], None]
) -> None:
    node.answers(grants)
    node.answers(end)
    assert node.call().recv(100) == b"welcome"
    assert len(node.calls) == 2


def test_after_one_that_does_not_answer_the_older_ones_are_not_tried(node: Node) -> None:
    older = node.open()
    older.settimeout(_LONG_S)
    node.answers(lambda _way: None)
    with pytest.raises(TimeoutError):
        node.call(_SOON_S)
    assert older.recv(1) == b""
    assert node.ways.idle("b") == 0


def test_what_the_node_says_of_a_refusal_is_said(node: Node) -> None:
    node.answers(lambda way: way.sendall(b"NO such replica\r\n"))
    with pytest.raises(ConnectionRefusedError, match="such replica"):
        node.call()


def test_without_any_a_call_waits_and_says_how_many_wait(node: Node) -> None:
    with pytest.raises(ConnectionRefusedError, match="'b' has no connection open to here"):
        node.call(_SOON_S)
    calls = [gevent.spawn(node.call) for _ in range(3)]
    gevent.sleep(0)
    for _ in calls:
        node.answers(grants)
    assert [one.get(timeout=_LONG_S).recv(100) for one in calls] == [b"welcome"] * 3
    assert [call.waiting for call in node.calls] == [2, 1, 0]


@pytest.mark.parametrize("line", [b"CALL x", b"GET / HTTP/1.1", b"CALL ../x 0", b"CALL a/b 0"])
def test_what_is_no_call_is_told_from_one(line: bytes) -> None:
    with pytest.raises(ValueError, match="is no call"):
        parse_call(line)
    assert parse_call(b"CALL - 2") == Call(waiting=2)
