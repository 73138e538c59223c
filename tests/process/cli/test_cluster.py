"""Stopping a cluster from afar: what is shown, asked, and said when it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.appliance import Appliance
from tests.process.cli.conftest import Run
from tests.unit.client.loopback import Loopback

ROUTE = "/v1/clusters"


@pytest.fixture
def cluster(server: Loopback) -> Loopback:
    server.replies = {
        "/v1/supervisor": (200, {"supervisor_ip": "10.0.0.1:9997"}),
        "/v1/workers": (200, [{"work-ip": "10.0.0.2:9100", "models": {"chat-rep0": {}}}]),
        ROUTE: (200, {"result": True}),
    }
    return server


def test_it_is_asked_first(xinfer: Run, cluster: Loopback) -> None:
    stop = ("stop-cluster", "-e", cluster.url)
    refused = xinfer(*stop, text="n\n")
    assert refused.returncode == 1
    assert "Worker: 10.0.0.2:9100 (chat-rep0)" in refused.stdout
    assert cluster.bodies("DELETE", ROUTE) == []
    agreed = xinfer(*stop, text="y\n")
    assert (agreed.returncode, "Cluster stopped: True" in agreed.stdout) == (0, True)
    assert xinfer(*stop, "--check").returncode == 0
    assert len(cluster.bodies("DELETE", ROUTE)) == 2


def test_the_cluster_has_to_be_named(xinfer: Run, cluster: Loopback) -> None:
    done = xinfer("stop-cluster", "--check", XINFER_ENDPOINT="")
    assert (done.returncode, "-e URL" in done.stderr) == (2, True)


def test_a_server_that_cannot_says_what_can(xinfer: Run, cluster: Loopback) -> None:
    cluster.replies[ROUTE] = (404, {"detail": "There is no such route."})
    done = xinfer("stop-cluster", "-e", cluster.url, "--check")
    assert (done.returncode, "xinfer down" in done.stderr) == (1, True)


def test_a_real_one_stops(tmp_path: Path) -> None:
    one = Appliance(tmp_path, "defaults: [base]\nmodels: {words: {engine: echo}}\n")
    try:
        one.start().wait_ready({"words": 1})
        done = one.run("xinfer", "stop-cluster", "-e", one.url, "--check")
        assert (done.returncode, "words-rep0" in done.stdout) == (0, True), done.stderr
        assert "Cluster stopped: True" in done.stdout
        assert one.launcher is not None
        assert one.launcher.wait(60) == 0
    finally:
        one.destroy()
