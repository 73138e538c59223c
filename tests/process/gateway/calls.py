"""What tests of the gateway ask of it, and what they read of the engines behind it."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.request
from typing import Any

from tests.process.appliance import Appliance

CHAT = "/v1/chat/completions"


def body(model: str = "parrot", content: str = "one two three", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


def raw(one: Appliance, data: bytes, timeout_s: float = 60.0) -> bytes:
    """Send bytes on a new connection; everything that comes back until it closes."""
    with socket.create_connection(("127.0.0.1", one.port), timeout=timeout_s) as client:
        client.sendall(data)
        received = b""
        while piece := client.recv(65536):
            received += piece
        return received


def stream(one: Appliance, request: dict[str, Any]) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)
    data = json.dumps({**request, "stream": True})
    connection.request("POST", CHAT, data, {"Content-Type": "application/json"})
    return connection.getresponse()


def events(reply: http.client.HTTPResponse) -> list[dict[str, Any]]:
    lines = [line[6:] for line in reply.read().splitlines() if line.startswith(b"data: ")]
    assert lines[-1] == b"[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def stats(one: Appliance, model: str) -> dict[str, int]:
    """What the engines of a model saw, summed over replicas."""
    total: dict[str, int] = {}
    for replica in one.request("GET", f"/v1/models/{model}/replicas")[1]:
        url = f"http://{replica['model_address']}/stats"
        with urllib.request.urlopen(url, timeout=60) as reply:
            for name, value in json.load(reply).items():
                total[name] = total.get(name, 0) + value
    return total


def metric(one: Appliance, name: str, **labels: str) -> float:
    """A sample's value, summed over what the labels leave open."""
    total = 0.0
    for line in one.request("GET", "/metrics")[1].splitlines():
        if line.startswith((f"{name}{{", f"{name} ")) and all(
            f'{key}="{value}"' in line for key, value in labels.items()
        ):
            total += float(line.rsplit(" ", 1)[1])
    return total
