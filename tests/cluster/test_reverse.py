"""A worker to which nothing can connect: all comes by the connections that it opens itself."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.hosts import Host, Network, Supervisor, can_have_nat
from tests.process.appliance import wait_until

_HIDDEN = "10.255.255.1"
_INSIDE = "0100007F"
_LISTENS, _OPEN = "0A", "01"


def supervised(network: Network, *words: str) -> tuple[Supervisor, Host]:
    """A supervisor on `a`, and on `b` a worker at an address to which no other host has a way."""
    a, b = network.host("a"), network.host("b")
    supervise(a, *words)
    supervisor = Supervisor(a).await_up()
    b.hide(_HIDDEN)
    join(supervisor, b, "-H", _HIDDEN, "--reverse")
    wait_until("it has joined", lambda: set(supervisor.nodes()) == {"b"})
    return supervisor, b


def supervise(a: Host, *words: str) -> None:
    a.start("xinfer-up", "cluster.role=supervisor", f"cluster.host={a.address}", *words)


def join(supervisor: Supervisor, host: Host, *words: str) -> None:
    token = ("--token", supervisor.token)
    host.start("xinfer-worker", "-e", supervisor.url, "--node", host.name, *token, *words)


def serves(supervisor: Supervisor) -> bool:
    status, reply = supervisor.chat("parrot", "over the wire")
    return status == 200 and reply["choices"][0]["message"]["content"] == "over the wire"


def stream(supervisor: Supervisor, content: str, **manner: Any) -> http.client.HTTPConnection:
    """A streamed chat under way; `manner` is what the engine is told."""
    connection = http.client.HTTPConnection(supervisor.url.removeprefix("http://"), timeout=60)
    messages = [{"role": "user", "content": content}]
    body = {"model": "parrot", "messages": messages, "stream": True, "echo": manner}
    headers = {"Authorization": f"Bearer {supervisor.key}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    return connection


def sockets(host: Host) -> Iterator[tuple[str, str, str]]:
    """Address, port (both as hexadecimal digits) and state of each TCP socket of a host."""
    pid = host.processes("xinfer: worker")[0].pid
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state = line.split(None, 4)[:4]
        address, _, port = local.partition(":")
        yield address, port, state


def talking(host: Host) -> int:
    """How many ends of connections within the host there are: of ways, doors and engines."""
    return sum(address == _INSIDE and state == _OPEN for address, _, state in sockets(host))


def test_it_serves_and_answers_for_itself(network: Network) -> None:
    supervisor, b = supervised(network, "gateway.workers=3")
    assert supervisor.nodes()["b"]["reach"] == "reverse"
    assert supervisor.launch("parrot") == (200, {"model_uid": "parrot"})
    listening = {address for address, _, state in sockets(b) if state == _LISTENS}
    assert listening == {_INSIDE}, "nothing listens to other hosts"

    # Each goes to the process that chance gives it, and each process has ways of its own.
    assert all(serves(supervisor) for _ in range(24))
    with closing(stream(supervisor, "one two three")) as connection:
        text = connection.getresponse().read().decode()
    said = "".join(re.findall(r'"content": ?"([^"]*)"', text))
    assert said.split() == ["one", "two", "three"]
    for path in ("models/parrot/logs", "cache/models", "downloads"):
        status, reply = supervisor.request("GET", f"/v1/{path}")
        assert status == 200, reply


@pytest.mark.skipif(not can_have_nat(), reason="a NAT needs nft")
def test_it_serves_from_behind_a_nat(network: Network, tmp_path: Path) -> None:
    a, router = network.host("a"), network.host("router")
    inside = Network(tmp_path / "inside")
    try:
        b = inside.host("b")
        router.route(inside)
        supervise(a, "cluster.node_grace_s=60")
        supervisor = Supervisor(a).await_up()
        join(supervisor, b, "-H", b.address, "--reverse")
        wait_until("it has joined", lambda: set(supervisor.nodes()) == {"b"})
        assert supervisor.launch("parrot")[0] == 200
        before = supervisor.ready("parrot")
        assert serves(supervisor)
        assert logs(supervisor) == 200
        with closing(stream(supervisor, "word", chunks=20, chunk_delay_s=0.1)) as connection:
            reply = connection.getresponse()
            assert reply.read(10)
            router.cut()
            router.heal()
            assert b"[DONE]" in reply.read(), "a short cut breaks no reply"
        assert supervisor.ready("parrot") == before
        with closing(stream(supervisor, "word", hang=True)):
            wait_until("way to door, door to engine", lambda: talking(b) == 4)
        wait_until("the engine is told", lambda: talking(b) == 0)
    finally:
        inside.destroy()


def test_who_hangs_up_ends_the_generation(network: Network) -> None:
    supervisor, b = supervised(network)
    assert supervisor.launch("parrot")[0] == 200
    # A silent engine: no byte that cannot be sent tells of the end.
    with closing(stream(supervisor, "word", hang=True)):
        wait_until("way to door, door to engine", lambda: talking(b) == 4)
    wait_until("the engine is told", lambda: talking(b) == 0)


def test_what_restarts_breaks_and_reloads_nothing(network: Network) -> None:
    supervisor, b = supervised(network)
    assert supervisor.launch("parrot")[0] == 200
    before = supervisor.ready("parrot")
    with closing(stream(supervisor, "word", chunks=20, chunk_delay_s=0.1)) as connection:
        reply = connection.getresponse()
        assert reply.read(10)
        assert b.end("xinfer: worker")
        assert b"[DONE]" in reply.read(), "what comes by a way does not pass the worker"
    wait_until("the log is there again", lambda: logs(supervisor) == 200)
    assert b.end("xinfer: ways")
    wait_until("new ways are open", lambda: serves(supervisor))

    supervisor.host.kill()
    supervise(supervisor.host)
    supervisor.await_up()
    wait_until("it serves again", lambda: serves(supervisor))
    assert supervisor.ready("parrot") == before
    assert len(b.processes("xinfer: echo")) == 1


def logs(supervisor: Supervisor) -> int:
    return supervisor.request("GET", "/v1/models/parrot/logs")[0]


def test_a_cut_link_fails_no_request_that_can_go_elsewhere(network: Network) -> None:
    supervisor, b = supervised(network)
    c = network.host("c")
    join(supervisor, c, "-H", c.address)
    wait_until("both are there", lambda: set(supervisor.nodes()) == {"b", "c"})
    assert supervisor.launch("parrot", replica=2)[0] == 200
    before = supervisor.ready("parrot")
    assert set(before) == {"b", "c"}
    b.cut()
    assert all(serves(supervisor) for _ in range(4))
    b.heal()
    c.kill()
    wait_until("b serves alone", lambda: serves(supervisor))
    wait_until("b is heard of", lambda: supervisor.ready("parrot").get("b"))
    assert supervisor.ready("parrot")["b"] == before["b"]
