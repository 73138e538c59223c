"""Requests that are ended by their ids: which, whose, for how long, and in which process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gevent import socket

from xinfer.errors import Cancelled
from xinfer.gateway.running import Order, Running
from xinfer.gateway.siblings import Siblings


def order(request_id: str = "r", **more: object) -> Order:
    return Order(uid="m", request_id=request_id, **more)  # type: ignore[arg-type]


def test_a_request_is_ended_by_any_of_its_ids_while_it_runs() -> None:
    running = Running()
    ticket = running.enter("m", {"r", "own"}, "ann")
    other = running.enter("m", {"x"}, "ann")
    assert not running.end(Order(uid="n", request_id="r"))
    assert not running.end(order(owner="bob"))
    ticket.check()
    assert running.end(order("own", owner="ann"))
    with pytest.raises(Cancelled, match="'own' was aborted"):
        ticket.gone(lambda: False)()
    assert other.gone(lambda: True)()
    running.leave(ticket)
    assert not running.end(order("own"))


def test_requests_of_one_id_end_together_and_each_leaves_alone() -> None:
    running = Running()
    first, second = (running.enter("m", {"r"}, "ann") for _ in range(2))
    running.leave(first)
    assert running.end(order())
    assert (first.ended, second.ended) == ("", "r")


def test_an_id_is_refused_for_as_long_as_was_said_and_to_whom() -> None:
    now = [100.0]
    running = Running(lambda: now[0])
    assert not running.end(order(owner="ann", block_s=30))
    with pytest.raises(Cancelled, match="before it came"):
        running.enter("m", {"r"}, "ann")
    running.leave(running.enter("m", {"r"}, "bob"))
    running.leave(running.enter("n", {"r"}, "ann"))
    now[0] += 31
    running.leave(running.enter("m", {"r"}, "ann"))
    running.end(order(block_s=30))
    with pytest.raises(Cancelled):
        running.enter("m", {"r"}, "bob")


@contextmanager
def sibling(folder: Path, name: str) -> Iterator[tuple[Siblings, Running]]:
    running = Running()
    made = Siblings(folder, name, running)
    made.listen()
    yield made, running
    made.close()


def test_whichever_process_has_it_ends_it_and_refuses_it_from_then_on(tmp_path: Path) -> None:
    with sibling(tmp_path, "1") as (asked, own), sibling(tmp_path, "2") as (_, its):
        ticket = its.enter("m", {"r"}, "ann")
        assert asked.end(order(block_s=9))
        assert ticket.ended == "r"
        assert not asked.end(order("unknown"))
        for each in (own, its):
            with pytest.raises(Cancelled):
                each.enter("m", {"r"}, "ann")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "9.gateway"))
    with sibling(tmp_path, "1") as (asked, _):
        assert not asked.end(order())
        assert [path.name for path in tmp_path.iterdir()] == ["1.gateway"]


def test_where_a_socket_cannot_be_made_requests_here_are_still_ended(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    with sibling(folder, "1") as (asked, own):
        ticket = own.enter("m", {"r"}, "ann")
        assert asked.end(order())
        assert ticket.ended
