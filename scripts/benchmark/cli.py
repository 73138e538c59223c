"""How long commands take that look things up, with the full catalog on the other side."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from tests.process.appliance import Appliance

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
        try:
            one.start().wait_ready({})
            for name, words in _COMMANDS.items():
                times = []
                for _ in range(_ROUNDS):
                    began = time.perf_counter()
                    one.run("xinfer", *words)
                    times.append(time.perf_counter() - began)
                found[name] = round(1000 * median(times))
        finally:
            one.destroy()
    return found
