"""HTTPS with a certificate of the recipe; plain HTTP for the machine itself, and nobody else."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.appliance import Appliance, wait_until

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate")

RECIPE = """
defaults: [base]
cluster: {host: 0.0.0.0}
auth: {mode: "off"}
gateway: {tls_cert: cert.pem, tls_key: key.pem}
models:
  slow: {engine: echo}
"""


def certificate(folder: Path) -> None:
    """A self-signed one for 127.0.0.1."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    folder = tmp_path_factory.mktemp("tls")
    certificate(folder)
    made = Appliance(folder, RECIPE)
    made.start()
    made.wait_ready({"slow": 1})
    yield made
    made.destroy()


def secure(server: Appliance) -> http.client.HTTPSConnection:
    assert server.recipe is not None
    trusted = ssl.create_default_context(cafile=str(Path(server.recipe).with_name("cert.pem")))
    return http.client.HTTPSConnection("127.0.0.1", server.port, timeout=60, context=trusted)


def ask(stream: bool, **more: object) -> str:
    messages = [{"role": "user", "content": "word " * 50}]
    return json.dumps({"model": "slow", "messages": messages, "stream": stream, **more})


def test_a_client_that_checks_the_certificate_is_served(server: Appliance) -> None:
    connection = secure(server)
    for stream in (False, True, False):
        connection.request("POST", "/v1/chat/completions", ask(stream))
        reply = connection.getresponse()
        said = reply.read().decode()
        assert reply.status == 200, said
        assert "word" in said
    connection.close()
    wait_until("the address is told", lambda: f"https://127.0.0.1:{server.port}" in told(server))


def told(server: Appliance) -> str:
    return server.output.read_text()


def test_large_bodies_and_several_requests_in_one_record(server: Appliance) -> None:
    connection = secure(server)
    text = "x" * 3_000_000
    body = json.dumps({"model": "slow", "messages": [{"role": "user", "content": text}]})
    connection.request("POST", "/v1/chat/completions", body)
    assert text in connection.getresponse().read().decode()
    assert connection.sock is not None
    connection.sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
    said = b""
    while said.count(b'{"status":"ok"}') < 2:
        piece = connection.sock.recv(65536)
        assert piece, said
        said += piece
    connection.close()


def test_a_client_that_hangs_up_stops_its_request(server: Appliance) -> None:
    connection = secure(server)
    connection.request("POST", "/v1/chat/completions", ask(stream=False, echo={"hang": True}))

    def in_flight() -> bool:
        _, text = server.request("GET", "/metrics")
        return 'xinfer_requests_in_flight{model="slow"} 1.0' in text

    wait_until("the request runs", in_flight)
    connection.close()
    wait_until("the request has ended", lambda: not in_flight())


def test_others_are_not_answered_without_tls(server: Appliance) -> None:
    assert server.request("GET", "/health")[0] == 200
    with socket.create_connection(
        ("127.0.0.1", server.port), timeout=60, source_address=("127.0.0.2", 0)
    ) as other:
        other.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        said = other.recv(65536)
    assert said.startswith(b"HTTP/1.1 400")
    assert b"speaks HTTPS" in said


def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    certificate(tmp_path)
    (tmp_path / "key.pem").write_text("nonsense")
    broken = Appliance(tmp_path, RECIPE)
    broken.start()
    try:
        assert broken.launcher is not None
        assert broken.launcher.wait(60) != 0
        assert "gateway.tls_cert" in told(broken)
    finally:
        broken.destroy()


@pytest.fixture
def behind(server: Appliance, monkeypatch: pytest.MonkeyPatch) -> Iterator[Appliance]:
    """A worker that nothing needs to connect to."""
    assert server.recipe is not None
    joins = (f"cluster.supervisor=https://127.0.0.1:{server.port}", "cluster.role=worker")
    made = Appliance(
        server.home.parent / "behind", None, *joins, "cluster.node=behind", "cluster.reach=reverse"
    )
    token = Path("run") / "cluster.token"
    (made.home / "run").mkdir(parents=True)
    shutil.copy(server.home / token, made.home / token)
    monkeypatch.setenv("SSL_CERT_FILE", str(Path(server.recipe).with_name("cert.pem")))
    made.start()
    yield made
    made.destroy()


def test_what_a_worker_opens_itself_is_under_tls_too(server: Appliance, behind: Appliance) -> None:
    launch = {"model_name": "far", "model_engine": "echo", "worker_ip": "behind"}
    wait_until("it runs", lambda: server.request("POST", "/v1/models", launch)[0] == 200)
    connection = secure(server)
    messages = [{"role": "user", "content": "word " * 200_000}]
    for stream in (False, True, False):
        asked = {"model": "far", "messages": messages, "stream": stream, "echo": {"chunks": 300}}
        connection.request("POST", "/v1/chat/completions", json.dumps(asked))
        reply = connection.getresponse()
        said = reply.read().decode()
        assert reply.status == 200, said
        assert said.count("word") >= 300
    connection.request("GET", "/v1/models/far/logs?follow=1")
    assert connection.getresponse().read(10)
    connection.close()
    assert behind.launcher is not None
    behind.launcher.terminate()
    assert behind.launcher.wait(60) == 0
    wait_until("nothing is left", lambda: not behind.processes())
