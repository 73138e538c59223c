"""Supervisor and workers on hosts of their own: joining, serving, losing and finding each other."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.hosts import Host, Network, Supervisor
from tests.process.appliance import wait_until
from tests.unit.engines.gguf_file import LLAMA, write_gguf

_GRACE_S = 4
_PATIENT_S = 60
"""For hosts that are not to be lost, however slow the machine is."""
_RECIPE = """\
cluster:
  node_grace_s: {grace}
  orphan_grace_s: 30
  report_interval_s: 0.5
  nodes:
    a: {{address: {a}, role: supervisor}}
    b: {{address: {b}, labels: {{disk: fast}}}}
    c: {{address: {c}}}
models: {models}
"""


def cluster(
    network: Network, models: str = "{}", grace_s: int = _PATIENT_S
) -> tuple[Supervisor, Host, Host]:
    """A supervisor on `a` and workers on `b` and `c`, by one recipe."""
    a, b, c = (network.host(name) for name in "abc")
    text = _RECIPE.format(grace=grace_s, a=a.address, b=b.address, c=c.address, models=models)
    recipe = network.folder / "recipe.yaml"
    recipe.write_text(text)
    a.start("xinfer-up", str(recipe), "cluster.node=a")
    supervisor = Supervisor(a).await_up()
    for host in (b, c):
        token = {"XINFER_CLUSTER_TOKEN": supervisor.token}
        host.start("xinfer-up", str(recipe), f"cluster.node={host.name}", **token)
    wait_until("both workers have joined", lambda: set(supervisor.nodes()) == {"b", "c"})
    return supervisor, b, c


def launch_two(supervisor: Supervisor) -> dict[str, int]:
    """A model with a replica on each host; their pids."""
    status, reply = supervisor.launch("parrot", replica=2)
    assert (status, reply) == (200, {"model_uid": "parrot"})
    ready = supervisor.ready("parrot")
    assert set(ready) == {"b", "c"}, supervisor.replicas("parrot")
    return ready


def test_replicas_spread_over_hosts_and_serve_through_their_doors(network: Network) -> None:
    supervisor, b, _ = cluster(network, "{fast: {engine: echo, labels: {disk: fast}}}")
    launch_two(supervisor)
    wait_until("the labelled one on b", lambda: set(supervisor.ready("fast")) == {"b"})
    for _ in range(4):
        status, reply = supervisor.chat("parrot", "over the wire")
        assert (status, reply["choices"][0]["message"]["content"]) == (200, "over the wire")
    assert supervisor.request("GET", "/v1/models/parrot/logs?replica=0")[0] == 200

    (mine,) = [each for each in supervisor.replicas("parrot") if each["node"] == "b"]
    host, _, port = mine["model_address"].rpartition(":")
    assert host == b.address
    # Not at once: while bytes are on their way, that they are acknowledged is watched first.
    ends, at = (supervisor.host, b), int(port)
    wait_until(
        "a cut would be noticed at both ends",
        lambda: all(end.watches(at) == {True} for end in ends),
    )
    for greeting in (b"GET /v1/models HTTP/1.1\r\n\r\n", b"XINFER " + b"0" * 64 + b"\r\n"):
        with socket.create_connection((host, int(port)), timeout=60) as caller:
            caller.sendall(greeting)
            assert caller.recv(100) == b"", "nobody gets in without the secret"

    status, refusal = supervisor.launch("lost", worker_ip="d")
    assert status == 503
    assert "node 'd'" in refusal["detail"]
    assert "b, c" in refusal["detail"]
    status, refusal = supervisor.launch("big", n_gpu=2)
    assert status == 503
    for lack in ("node 'b': has no accelerator", "node 'c': has no accelerator"):
        assert lack in refusal["detail"]
    status, refusal = supervisor.launch("huge", memory="900TiB")
    assert status == 503
    for name in ("b", "c"):
        assert re.search(rf"node '{name}': [\d.]+ GiB of [\d.]+ GiB memory", refusal["detail"])
    assert supervisor.launch("there", worker_ip=b.address)[0] == 200
    assert set(supervisor.ready("there")) == {"b"}


def test_the_command_line_works_from_any_host(network: Network) -> None:
    supervisor, b, c = cluster(network)
    key = {"XINFER_API_KEY": supervisor.key}
    launched = b.run("xinfer", "launch", "-e", supervisor.url, "-n", "p", "-en", "echo", **key)
    assert launched.returncode == 0, launched.stderr
    listed = c.run("xinfer", "list", "-e", supervisor.url, "-o", "json", **key)
    assert '"p"' in listed.stdout
    refused = c.run("xinfer", "list", "-e", supervisor.url, XINFER_API_KEY="wrong")
    assert refused.returncode == 1
    assert "key" in refused.stderr


def test_a_short_cut_changes_nothing(network: Network) -> None:
    supervisor, b, _ = cluster(network)
    before = launch_two(supervisor)
    seen = supervisor.nodes()["b"]
    b.cut()
    assert supervisor.chat("parrot")[0] in {200, 502, 503}
    b.heal()
    wait_until("b is heard again", lambda: supervisor.nodes().get("b", {}) != seen)
    assert supervisor.ready("parrot") == before
    assert len(b.processes("xinfer: echo")) == 1


def test_a_lost_host_is_replaced_and_its_replicas_are_not_doubled(network: Network) -> None:
    supervisor, b, c = cluster(network, "{parrot: {engine: echo}}", _GRACE_S)
    wait_until("it is ready", lambda: supervisor.ready("parrot"))
    (name,) = supervisor.ready("parrot")
    host, other = (b, c) if name == "b" else (c, b)
    host.cut()
    wait_until("it runs elsewhere", lambda: set(supervisor.ready("parrot")) == {other.name}, 60)
    assert supervisor.chat("parrot")[0] == 200
    assert len(host.processes("xinfer: echo")) == 1, "a host on its own goes on for a while"
    host.heal()
    wait_until("it is ended on the host that came back", lambda: not host.processes("xinfer: echo"))
    assert len(other.processes("xinfer: echo")) == 1
    assert supervisor.chat("parrot")[0] == 200


def test_what_fits_only_a_lost_host_is_there_again_without_a_reload(network: Network) -> None:
    model = "{parrot: {engine: echo, labels: {disk: fast}}}"
    supervisor, b, _ = cluster(network, model, _GRACE_S)
    wait_until("it is ready on b", lambda: supervisor.ready("parrot"))
    before = supervisor.ready("parrot")
    b.cut()
    wait_until("b is lost", lambda: set(supervisor.nodes()) == {"c"})
    key = {"XINFER_API_KEY": supervisor.key}
    shown = supervisor.host.run("xinfer", "status", "-e", supervisor.url, **key).stdout
    assert re.search(r"^b +Worker, lost, silent for [\d.]+ s ", shown, re.MULTILINE), shown
    assert re.search(r"^parrot +failed +0/1 ", shown, re.MULTILINE), shown
    b.heal()
    wait_until("b is back", lambda: supervisor.ready("parrot"))
    assert supervisor.ready("parrot") == before
    assert len(b.processes("xinfer: echo")) == 1
    wait_until("it serves", lambda: supervisor.chat("parrot")[0] == 200)


def test_a_dead_host_is_replaced(network: Network) -> None:
    supervisor, b, c = cluster(network, grace_s=_GRACE_S)
    launch_two(supervisor)
    b.kill()

    def only_on_c() -> bool:
        found = supervisor.replicas("parrot")
        return [(each["node"], each["status"]) for each in found] == [("c", "READY")] * 2

    wait_until("both run on c", only_on_c, 60)
    assert len(c.processes("xinfer: echo")) == 2
    assert supervisor.chat("parrot")[0] == 200


def test_nothing_reloads_when_the_supervisor_restarts(network: Network) -> None:
    supervisor, b, c = cluster(network)
    before = launch_two(supervisor)
    supervisor.host.kill()
    recipe = str(network.folder / "recipe.yaml")
    supervisor.host.start("xinfer-up", recipe, "cluster.node=a")
    supervisor.await_up()
    wait_until("all is as before", lambda: supervisor.ready("parrot") == before)
    assert [len(host.processes("xinfer: echo")) for host in (b, c)] == [1, 1]
    assert supervisor.chat("parrot")[0] == 200


def test_a_worker_restart_keeps_replicas_and_doors(network: Network) -> None:
    supervisor, b, _ = cluster(network, "{parrot: {engine: echo, labels: {disk: fast}}}")
    wait_until("it is ready on b", lambda: supervisor.ready("parrot"))
    before = supervisor.ready("parrot")
    assert b.end("xinfer: worker")
    assert supervisor.chat("parrot")[0] == 200, "the way to the engine does not pass the worker"
    assert b.end("xinfer: door")
    wait_until("the door is opened again", lambda: supervisor.chat("parrot")[0] == 200)
    assert supervisor.ready("parrot") == before


def test_a_host_that_nobody_reaches_takes_and_ends_models(network: Network) -> None:
    a, b = network.host("a"), network.host("b")
    a.start("xinfer-supervisor", "-H", a.address)
    supervisor = Supervisor(a).await_up()
    b.hide("10.255.255.1")
    token = ("--token", supervisor.token)
    b.start("xinfer-worker", "-e", supervisor.url, "-H", "10.255.255.1", "--node", "b", *token)
    wait_until("it has joined", lambda: set(supervisor.nodes()) == {"b"})
    assert supervisor.launch("parrot") == (200, {"model_uid": "parrot"})
    assert set(supervisor.ready("parrot")) == {"b"}
    status, refusal = supervisor.chat("parrot")
    assert status == 503
    assert "No replica of model 'parrot' takes connections" in refusal["detail"]
    assert "start the worker there with --reverse" in refusal["detail"]
    status, refusal = supervisor.request("GET", "/v1/models/parrot/logs")
    assert status == 503
    assert "The worker at 10.255.255.1:" in refusal["detail"]
    assert supervisor.request("DELETE", "/v1/models/parrot")[0] == 200
    wait_until("it has ended", lambda: not b.processes("xinfer: echo"))


def test_a_replica_behind_a_cut_link_is_not_tried_by_every_request(network: Network) -> None:
    a, b, c = (network.host(name) for name in "abc")
    a.start("xinfer-supervisor", "-H", a.address)
    supervisor = Supervisor(a).await_up()
    for host in (b, c):
        join = ("-e", supervisor.url, "--token", supervisor.token, "--node", host.name)
        host.start("xinfer-worker", *join, "-H", host.address)
    wait_until("both have joined", lambda: set(supervisor.nodes()) == {"b", "c"})
    launch_two(supervisor)
    a.send_astray(b.address)
    before = a.connects()
    assert all(supervisor.chat("parrot")[0] == 200 for _ in range(12))
    assert a.connects() - before <= 4, "one to c, one to b, and few more to b later"


def test_files_that_only_a_worker_sees_are_weighed_there_before_an_engine_starts(
    network: Network,
) -> None:
    a, b = network.host("a"), network.host("b")
    wide = {**LLAMA, "llama.attention.key_length": 4096, "llama.attention.value_length": 4096}
    write_gguf(b.output.parent / "own.gguf", wide)
    a.start("xinfer-supervisor", "-H", a.address, HOME=str(a.output.parent))
    supervisor = Supervisor(a).await_up()
    token = {"XINFER_CLUSTER_TOKEN": supervisor.token, "HOME": str(b.output.parent)}
    b.start("xinfer-worker", "-e", supervisor.url, "-H", b.address, "--node", "b", **token)
    wait_until("the worker has joined", lambda: set(supervisor.nodes()) == {"b"})

    own = {"model_engine": "llama.cpp", "model_path": "~/own.gguf", "n_ctx": 2**27}
    status, reply = supervisor.launch("own", **own)
    assert status == 503
    said = "Model 'own' can be placed nowhere. No node can take a replica that needs 16384."
    assert said in reply["detail"]
    assert "; node 'b': " in reply["detail"]
    assert "What would fit: n_ctx: " in reply["detail"]
    assert supervisor.request("GET", "/v1/models")[1]["data"] == [], "the uid is free again"

    body = {"model_name": "own", **own}
    assert supervisor.request("POST", "/v1/models?wait_ready=false", body)[0] == 200
    model = wait_until("the refusal", lambda: failed(supervisor, "own"))
    assert "What would fit: n_ctx: " in model["reason"]
    (replica,) = supervisor.replicas("own")
    assert (replica["phase"], replica["failures"], replica["pid"]) == ("queued", 0, None)
    wait_until("the event", lambda: "refused" in kinds(supervisor, "own"))
    assert not {"starting", "failed"} & kinds(supervisor, "own"), "no engine was started"
    assert b.processes("shim") == []
    words = ("-e", supervisor.url, "-n", "mine", "-en", "llama.cpp", "--n_ctx", str(2**27))
    key = {"XINFER_API_KEY": supervisor.key}
    done = b.run("xinfer", "launch", *words, "-mp", "~/own.gguf", **key)
    assert done.returncode == 1
    assert "No node can take a replica that needs 16384." in done.stderr
    assert "What would fit: n_ctx: " in done.stderr


def kinds(supervisor: Supervisor, uid: str) -> set[str]:
    """Of the events of a model."""
    events = supervisor.request("GET", f"/v1/models/{uid}/events")[1]
    return {event["event_type"] for event in events}


def failed(supervisor: Supervisor, uid: str) -> dict[str, Any] | None:
    models = supervisor.request("GET", "/v1/models")[1]["data"]
    return next((one for one in models if (one["id"], one["state"]) == (uid, "failed")), None)


def test_who_may_not_join_is_told_so(network: Network, tmp_path: Path) -> None:
    a, b, c = (network.host(name) for name in "abc")
    a.start("xinfer-supervisor", "-H", a.address)
    supervisor = Supervisor(a).await_up()
    join = ("xinfer-worker", "-e", supervisor.url)
    b.start(*join, "--token", "wrong")
    wait_until("the token is refused", lambda: "does not accept this node's" in b.said())

    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text("import xinfer\nxinfer.__version__ = '9.9.9'\n")
    places = os.pathsep.join([str(other), *filter(None, [os.environ.get("PYTHONPATH")])])
    c.start(*join, "--node", "c", "--token", supervisor.token, PYTHONPATH=places)
    wait_until("the version is refused", lambda: "runs xinfer 9.9.9" in c.said())
    assert supervisor.nodes() == {}

    b.kill()
    b.start(*join, "-H", b.address, "--node", "b", "--token", supervisor.token)
    wait_until("the right one joins", lambda: set(supervisor.nodes()) == {"b"})
    wait_until("and is told so", lambda: "node b has joined" in b.said())
    with pytest.raises(OSError, match=r"refused|timed out"):
        socket.create_connection((b.address, 9997), timeout=30)
