"""A disk that is full or cannot be written: a clear error, and what was stored stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process.appliance import wait_until
from tests.process.conftest import Start

ECHO = """
defaults: [base]
models:
  parrot: {engine: echo}
"""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="mounting small disks needs root on Linux"
)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB of its own."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "xinfer-test", str(mounted)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
    yield mounted
    subprocess.run(["umount", "-l", str(mounted)], check=True)


def fill(disk: Path) -> Path:
    """Take every free byte; remove the returned file to give them back."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                file.write(b"x" * size)
            except OSError:
                size //= 2
    return filler


def test_a_disk_that_fills_up_refuses_changes_and_keeps_serving(
    appliance: Start, small_disk: Path
) -> None:
    one = appliance(ECHO)
    one.home = small_disk / "home"
    one.start().wait_ready({"parrot": 1})
    filler = fill(small_disk)
    launch = {"model_name": "late", "model_engine": "echo"}
    refused: tuple[int, Any] = (0, None)
    for number in range(200):
        refused = one.request(
            "POST", "/v1/models?wait_ready=false", {**launch, "model_uid": f"late{number}"}
        )
        if refused[0] != 200:
            break
    assert refused[0] == 503, refused
    assert "full" in refused[1]["detail"]
    assert one.chat("parrot")[0] == 200
    filler.unlink()
    wait_until(
        "changes to be possible again",
        lambda: one.request("POST", "/v1/models", {**launch, "model_uid": "after"})[0] == 200,
    )
    known = set(one.models())
    assert {"parrot", "after"} <= known
    assert one.interrupt(signal.SIGTERM) == 0
    one.start()
    wait_until("the same models", lambda: set(one.models()) == known)


def test_a_full_disk_at_the_start_is_named(appliance: Start, small_disk: Path) -> None:
    one = appliance(ECHO)
    one.home = small_disk / "home"
    fill(small_disk)
    done = one.run(*one.command_line())
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert str(one.home) in done.stderr
    assert one.processes() == []


def test_a_read_only_home_is_named(appliance: Start, small_disk: Path) -> None:
    one = appliance(ECHO)
    one.home = small_disk / "home"
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = one.run(*one.command_line())
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr
    assert "XINFER_HOME" in done.stderr
    assert one.processes() == []
