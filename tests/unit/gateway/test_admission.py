"""Seats and the line before them: limits hold, order is kept, nothing leaks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gevent
import pytest
from gevent.event import Event

from xinfer.domain.model import Limits, ModelKind
from xinfer.domain.routing import Route, RouteState, Upstream
from xinfer.errors import Limited, NotFound
from xinfer.gateway.admission import Admission
from xinfer.gateway.seats import SharedSeats


def route(*replicas: str, limit: int | None = 1, queue: int = 10, wait_s: float = 60.0) -> Route:
    return Route(
        uid="m",
        kind=ModelKind.LLM,
        engine="echo",
        state=RouteState.READY,
        upstreams=tuple(Upstream(replica_id=name, host="127.0.0.1", port=1) for name in replicas),
        limits=Limits(max_in_flight=limit, max_queue=queue, queue_timeout_s=wait_s),
        created_s=0,
    )


class Crowd:
    """Greenlets that enter, stay until told, and leave."""

    def __init__(self, current: Route) -> None:
        self.route = current
        self.admission = Admission()
        self.inside: list[str] = []
        self.order: list[int] = []
        self.most = 0

    def visit(self, number: int, stay: Event) -> str:
        seat = self.admission.enter("m", lambda: self.route, gone=lambda: False)
        self.inside.append(seat.replica_id)
        self.order.append(number)
        self.most = max(self.most, len(self.inside))
        stay.wait()
        gevent.sleep(0)
        self.inside.remove(seat.replica_id)
        self.admission.leave("m", seat)
        return seat.replica_id


def test_the_limit_holds_when_newcomers_race_with_those_who_wait() -> None:
    crowd, at_once = Crowd(route("a", limit=2, queue=1000)), Event()
    at_once.set()

    def client(number: int) -> None:
        for _ in range(50):
            crowd.visit(number, at_once)
            gevent.sleep(0)

    gevent.joinall([gevent.spawn(client, number) for number in range(16)], raise_error=True)
    assert len(crowd.order) == 800
    assert crowd.most == 2
    assert crowd.admission._seats["m"].in_flight == {}


def test_the_line_is_served_in_order() -> None:
    crowd = Crowd(route("a"))
    stays = [Event() for _ in range(5)]
    guests = []
    for number, stay in enumerate(stays):
        guests.append(gevent.spawn(crowd.visit, number, stay))
        gevent.sleep(0)
    for stay in stays:
        stay.set()
    gevent.joinall(guests, raise_error=True)
    assert crowd.order == [0, 1, 2, 3, 4]


def test_who_waits_goes_to_a_replica_that_came_meanwhile() -> None:
    crowd, stay = Crowd(route("old")), Event()
    first, second = (gevent.spawn(crowd.visit, number, stay) for number in (1, 2))
    gevent.sleep(0.01)
    assert crowd.inside == ["old"]
    crowd.route = route("new")
    with gevent.Timeout(60):
        while crowd.inside != ["old", "new"]:
            gevent.sleep(0.01)
    stay.set()
    gevent.joinall([first, second], raise_error=True)
    assert crowd.admission._seats["m"].in_flight == {}


def test_who_waits_for_a_model_that_goes_is_told() -> None:
    current = [route("a")]
    admission = Admission()

    def asked() -> Route:
        if not current:
            raise NotFound("There is no model 'm'.")
        return current[0]

    seat = admission.enter("m", asked, gone=lambda: False)
    waiting = gevent.spawn(lambda: admission.enter("m", asked, gone=lambda: False))
    gevent.sleep(0.01)
    current.clear()
    admission.leave("m", seat)
    with pytest.raises(NotFound):
        waiting.get(timeout=60)


def test_leaving_the_line_and_waiting_too_long_leak_nothing() -> None:
    current = route("a", wait_s=0.3)
    admission = Admission()
    seat = admission.enter("m", lambda: current, gone=lambda: False)
    with pytest.raises(ConnectionAbortedError):
        admission.enter("m", lambda: current, gone=lambda: True)
    with pytest.raises(Limited, match="within"):
        admission.enter("m", lambda: current, gone=lambda: False)
    assert not admission._seats["m"].line
    killed = gevent.spawn(lambda: admission.enter("m", lambda: current, gone=lambda: False))
    gevent.sleep(0.01)
    killed.kill()
    admission.leave("m", seat)
    assert admission._seats["m"].in_flight == {}
    assert admission.enter("m", lambda: current, gone=lambda: False) == seat


def test_a_full_line_refuses() -> None:
    current = route("a", queue=1)
    admission = Admission()
    admission.enter("m", lambda: current, gone=lambda: False)
    waiting = gevent.spawn(lambda: admission.enter("m", lambda: current, gone=lambda: False))
    gevent.sleep(0.01)
    with pytest.raises(Limited, match="full"):
        admission.enter("m", lambda: current, gone=lambda: False)
    waiting.kill()


@pytest.mark.parametrize("share", [1, 4])
def test_without_a_line_nobody_waits(share: int) -> None:
    current, admission = route("a", queue=0), Admission(share)
    admission.enter("m", lambda: current, gone=lambda: False)
    with pytest.raises(Limited, match="is full"):
        admission.enter("m", lambda: current, gone=lambda: False)


def test_processes_share_the_seats_and_a_dead_one_gives_its_back(tmp_path: Path) -> None:
    """The other process is a real one: the system keeps its seats, and takes them from it."""
    code = (
        "import sys; from pathlib import Path; from xinfer.gateway.seats import SharedSeats\n"
        "seats = SharedSeats(Path(sys.argv[1]))\n"
        "print(seats.take('a', 2), seats.take('b', 2), seats.take('b', 2), flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().split() == ["True"] * 3
        admission = Admission(2, SharedSeats(tmp_path))
        current = route("a", "b", limit=2)
        seat = admission.enter("m", lambda: current, gone=lambda: False)
        assert seat.replica_id == "a"
        waiting = gevent.spawn(lambda: admission.enter("m", lambda: current, gone=lambda: False))
        gevent.sleep(0.1)
        assert not waiting.ready()
        other.kill()
        assert waiting.get(timeout=60).replica_id == "b"
        admission.leave("m", seat)
        assert admission.enter("m", lambda: current, gone=lambda: False).replica_id in ("a", "b")


def test_a_replica_that_took_no_connection_is_asked_again_by_one_request_at_a_time() -> None:
    now = [0.0]
    admission, both = Admission(clock=lambda: now[0]), route("a", "b", limit=None)

    def chosen(current: Route = both) -> str:
        seat = admission.enter("m", lambda: current, gone=lambda: False)
        admission.leave("m", seat)
        return seat.replica_id

    def next_four() -> list[str]:
        return sorted(chosen() for _ in range(4))

    cut = both.upstreams[0]
    admission.refused(cut)
    assert next_four() == ["b"] * 4
    assert chosen(route("a", limit=None)) == "a", "there is no other"
    now[0] = 60.0
    assert next_four() == ["a", "b", "b", "b"]
    admission.heard(cut)
    assert next_four() == ["a", "a", "b", "b"]
