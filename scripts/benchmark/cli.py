"""How long commands take that look things up, with the full catalog on the other side."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from tests.process.appliance import BIN, Appliance, wait_until

_ROUNDS = 9
_COMMANDS = {
    "engine_ms": ("engine", "-n", "qwen2.5-instruct"),
    "registrations_ms": ("registrations", "-t", "LLM"),
    "list_ms": ("list",),
}


def commands() -> dict[str, Any]:
    """Milliseconds of each command as a user waits for it, the start of Python counted in."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="xinfer-bench-") as folder:
        one = Appliance(Path(folder), "models: {}\n")
        environment = _installed(one, Path(folder) / "compiled")
        try:
            one.start()
            wait_until("the worker joins", lambda: _nodes(one) == 2)
            for name, words in _COMMANDS.items():
                times = [_seconds(environment, words) for _ in range(_ROUNDS + 1)]
                # The first one compiles.
                found[name] = round(1000 * median(times[1:]))
        finally:
            one.destroy()
    return found


def _nodes(one: Appliance) -> int:
    status, nodes = one.request("GET", "/v1/cluster/info")
    return len(nodes) if status == 200 else 0


def _installed(one: Appliance, compiled: Path) -> dict[str, str]:
    """An environment in which modules are compiled once, as they are where xinfer is installed."""
    kept = {k: v for k, v in one.environment.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(compiled)}


def _seconds(environment: dict[str, str], words: tuple[str, ...]) -> float:
    began = time.perf_counter()
    command = [str(BIN / "xinfer"), *words]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    return time.perf_counter() - began
