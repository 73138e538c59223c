"""The `xinfer` program, run against a server on the loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.client.loopback import Loopback, model

XINFER = str(Path(sys.executable).with_name("xinfer"))
Run = Callable[..., subprocess.CompletedProcess[str]]


def environment(url: str) -> dict[str, str]:
    """A clean environment whose endpoint is `url`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("XINFER")}
    return {**kept, "XINFER_ENDPOINT": url, "TERM": "xterm", "COLUMNS": "100", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(models={"chat": model("chat")}).serve() as loopback:
        yield loopback


@pytest.fixture
def xinfer(server: Loopback) -> Run:
    """Run `xinfer` with some words to its end."""

    def run(*words: str, text: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [XINFER, *words],
            env=environment(server.url) | more,
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
