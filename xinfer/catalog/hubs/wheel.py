"""Puts the files of a wheel into a folder, by the package client that is at hand."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from xinfer.domain.memory import gib
from xinfer.domain.ports import Transfer, Watcher
from xinfer.errors import Conflict, LaunchFailed

_POLL_S = 0.2
_LAST_LINES = 5


def install(requirement: str, scratch: Path, watcher: Watcher) -> Path:
    """Unpack the wheel of `requirement`, alone, into a folder below `scratch` and return that.

    The client runs as a process of its own, so that nothing else waits for it. Raises LaunchFailed
    with its last words.
    """
    target, said = scratch / "unpacked", scratch / "client.log"
    # Temporary files of the client beside the target: their growth is the progress there is.
    environment = {**os.environ, "TMPDIR": str(scratch)}
    with (
        said.open("w") as log,
        subprocess.Popen(
            [*_client(requirement), "--no-deps", "--target", str(target), requirement],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
        ) as client,
    ):
        try:
            while client.poll() is None:
                done = f"fetching {requirement}, {gib(size_bytes(scratch))} so far"
                watcher.see(Transfer(share=0.0, text=done))
                stop_if_cancelled(watcher, requirement)
                time.sleep(_POLL_S)
        finally:
            client.kill()
    if client.returncode == 0 and target.is_dir():
        return target
    raise _failed(requirement, client.returncode, said.read_text(errors="replace"))


def stop_if_cancelled(watcher: Watcher, what: str) -> None:
    """Raises Conflict when nobody wants the files any more."""
    if watcher.cancelled():
        raise Conflict(f"The fetch of {what} was cancelled.")


def _client(requirement: str) -> list[str]:
    """pip of this interpreter, else uv, else any pip. Never one that builds from source."""
    wheels_only = ("--only-binary", ":all:")
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", *_quiet("install"), *wheels_only]
    if shutil.which("uv"):
        return ["uv", "pip", "install", "--python", sys.executable, *wheels_only]
    if shutil.which("pip"):
        return ["pip", *_quiet("install"), *wheels_only]
    raise LaunchFailed(
        f"Package '{requirement}' is not installed, and there is no pip or uv to fetch it with.",
        "Install pip into xinfer's environment, or install the package by hand.",
        phase="downloading",
        cause="no pip and no uv",
    )


def _quiet(verb: str) -> tuple[str, ...]:
    return (verb, "--disable-pip-version-check", "--no-input", "--no-compile", "--progress-bar=off")


def size_bytes(folder: Path) -> int:
    """Of all files below it; files and whole folders may come and go meanwhile."""
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(Path(here, name)).st_size
    return total


def _failed(requirement: str, code: int, said: str) -> LaunchFailed:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()] or lines
    return LaunchFailed(
        f"The wheel of package '{requirement}' could not be fetched.",
        "Check the name and the network, or install the package by hand (pip install --no-deps).",
        phase="downloading",
        cause=errors[-1] if errors else f"the package client ended with {code}",
        tail=tuple(lines[-_LAST_LINES:]),
    )
