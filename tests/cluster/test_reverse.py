"""A worker to which nothing can connect: all comes by the connections that it opens itself."""

from __future__ import annotations

import http.client
import json
import re
from contextlib import closing
from typing import Any

import psutil

from tests.cluster.hosts import Host, Network, Supervisor
from tests.process.appliance import wait_until

_HIDDEN = "10.255.255.1"


def hidden(network: Network, *words: str) -> tuple[Supervisor, Host]:
    """A supervisor on `a`, and on `b` a worker at an address to which no other host has a way."""
    a, b = network.host("a"), network.host("b")
    a.start("xinfer-up", "cluster.role=supervisor", f"cluster.host={a.address}", *words)
    supervisor = Supervisor(a).await_up()
    b.hide(_HIDDEN)
    join(supervisor, b)
    wait_until("it has joined", lambda: set(supervisor.nodes()) == {"b"})
    return supervisor, b


def join(supervisor: Supervisor, b: Host, token: str = "") -> None:
    words = ("-H", _HIDDEN, "--node", "b", "--reverse", "--token", token or supervisor.token)
    b.start("xinfer-worker", "-e", supervisor.url, *words)


def stream(supervisor: Supervisor, content: str, **more: Any) -> http.client.HTTPConnection:
    """A streamed chat whose reply has begun."""
    connection = http.client.HTTPConnection(supervisor.url.removeprefix("http://"), timeout=20)
    messages = [{"role": "user", "content": content}]
    body = {"model": "parrot", "messages": messages, "stream": True, **more}
    headers = {"Authorization": f"Bearer {supervisor.key}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    return connection


def test_it_serves_and_answers_for_itself(network: Network) -> None:
    supervisor, b = hidden(network)
    assert supervisor.nodes()["b"]["reach"] == "reverse"
    assert supervisor.launch("parrot") == (200, {"model_uid": "parrot"})
    for process in b.processes():
        for one in process.net_connections(kind="tcp"):
            listens = one.status == psutil.CONN_LISTEN
            assert not listens or one.laddr.ip == "127.0.0.1", "nothing listens to other hosts"
    status, reply = supervisor.chat("parrot", "from behind a NAT")
    assert (status, reply["choices"][0]["message"]["content"]) == (200, "from behind a NAT")
    with closing(stream(supervisor, "one two three")) as connection:
        text = connection.getresponse().read().decode()
    said = "".join(re.findall(r'"content": ?"([^"]*)"', text))
    assert said.split() == ["one", "two", "three"]
    status, log = supervisor.request("GET", "/v1/models/parrot/logs")
    assert status == 200
    assert isinstance(log, str)
    assert supervisor.request("GET", "/v1/cache/models")[0] == 200
    assert supervisor.request("GET", "/v1/downloads")[0] == 200
