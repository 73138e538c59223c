"""Cold start to first token, and what an idle installation costs in memory and on disk."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from tests.process.appliance import ROOT, Appliance

_OURS = ("xinfer: launcher", "xinfer: supervisor", "xinfer: worker", "xinfer: shim")


def first_token_s(appliance: Appliance, model: str, started: float, timeout_s: float) -> float:
    """Seconds from `started` to the first content chunk of a streamed chat."""
    body = json.dumps(
        {
            "model": model,
            "messages": [{"role": "user", "content": "Say hello."}],
            "max_tokens": 8,
            "stream": True,
        }
    )
    while time.monotonic() - started < timeout_s:
        connection = http.client.HTTPConnection("127.0.0.1", appliance.port, timeout=timeout_s)
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.request(
                "POST", "/v1/chat/completions", body, {"Content-Type": "application/json"}
            )
            reply = connection.getresponse()
            if reply.status == 200:
                for line in reply:
                    if b'"content":"' in line.replace(b'": "', b'":"'):
                        return time.monotonic() - started
        time.sleep(0.02)
    raise RuntimeError(f"no token after {timeout_s:.0f} s:\n{appliance.transcript()}")


def pss_mb(process: psutil.Process) -> float:
    """Proportional set size: shared pages counted in shares, as the sum over processes needs."""
    return float(process.memory_full_info().pss) / 2**20


def startup(runs: int = 5, settle_s: float = 5.0) -> dict[str, Any]:
    """Start the quick-start recipe `runs` times; the last one is left idle and measured."""
    times = []
    memory: dict[str, float] = {}
    for number in range(runs):
        with tempfile.TemporaryDirectory(prefix="xinfer-bench-") as folder:
            appliance = Appliance(Path(folder), ROOT / "recipes" / "quickstart.yaml")
            try:
                began = time.monotonic()
                appliance.start()
                times.append(first_token_s(appliance, "chat", began, 60.0))
                if number == runs - 1:
                    time.sleep(settle_s)  # idle is what is measured
                    for title in _OURS:
                        found = appliance.processes(title)
                        memory[title.removeprefix("xinfer: ")] = sum(map(pss_mb, found))
                appliance.interrupt(signal.SIGTERM)
            finally:
                appliance.destroy()
    return {
        "first_token_s": sorted(times)[len(times) // 2],
        "first_token_all_s": [round(value, 2) for value in times],
        "idle_pss_mb": round(sum(memory.values()), 1),
        "idle_pss_by_process_mb": {name: round(value, 1) for name, value in memory.items()},
    }


def install_mb() -> dict[str, Any]:
    """Size of the base install, without engine, in a fresh environment."""
    with tempfile.TemporaryDirectory(prefix="xinfer-bench-") as folder:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        site = next(Path(folder).glob("lib/python*/site-packages"))
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(site), str(ROOT)],
            check=True,
        )
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return {"base_install_mb": round(size / 2**20, 1)}
