"""Run all parts side by side on this machine; a table for people, JSON for machines."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.benchmark.access import access_us
from scripts.benchmark.cli import commands
from scripts.benchmark.embeddings import embeddings
from scripts.benchmark.engine import engine
from scripts.benchmark.gateway import gateway, scaling, soak
from scripts.benchmark.management import management
from scripts.benchmark.quiet import others
from scripts.benchmark.served import ENGINES, engines
from scripts.benchmark.startup import install_mb, startup
from scripts.benchmark.ui import ui

PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "startup": startup,
    "install": install_mb,
    "gateway": gateway,
    "access": access_us,
    "scaling": scaling,
    "management": management,
    "commands": commands,
    "engine": engine,
    "engines": engines,
    "embeddings": embeddings,
    "ui": ui,
    "soak": soak,
}
TARGETS = (
    ("cold start to first token", "startup.first_token_s", "<=", 5.0, "s"),
    ("idle memory of our processes", "startup.idle_pss_mb", "<=", 200.0, "MB"),
    ("base install on disk", "install.base_install_mb", "<=", 120.0, "MB"),
    ("small replies", "gateway.small_replies_per_s_gateway", ">=", 1500, "/s"),
    ("streams of 100 chunks", "gateway.streams_of_100_per_s_gateway", ">=", 500, "/s"),
    ("GET /v1/models", "gateway.models_per_s", ">=", 1500, "/s"),
    ("added time to first token", "gateway.first_token_added_ms", "<=", 3.0, "ms"),
    ("check of a key with limits", "access.limited_key_us", "<=", 30.0, "µs"),
    ("check of a session", "access.session_us", "<=", 30.0, "µs"),
    ("two gateway processes, of the possible", "scaling.share_of_it", ">=", 0.9, ""),
    ("launch of an echo model to ready", "management.launch_to_ready_ms", "<=", 1000, "ms"),
    ("GET /v1/models with 200 models", "management.lists_of_200_per_s", ">=", 1000, "/s"),
    *(
        (f"tokens/s against direct, {n} clients", f"engine.tokens_per_s_{n}.ratio", ">=", 0.97, "")
        for n in (1, 4, 8, 16)
    ),
    *(
        (f"{each.engine}, {n} clients", f"engines.{each.engine}.{n}.ratio", ">=", 0.97, "")
        for each in ENGINES
        for n in (1, 8, 16)
    ),
    ("xinfer engine", "commands.engine_ms", "<=", 300, "ms"),
    ("xinfer registrations", "commands.registrations_ms", "<=", 300, "ms"),
    ("xinfer list", "commands.list_ms", "<=", 300, "ms"),
    ("embeddings in batches of 32, against bare", "embeddings.batches_ratio", ">=", 0.9, ""),
    ("256 clients with a text, against a batch", "embeddings.singles_ratio", "<=", 1.2, ""),
    ("first paint of the web UI", "ui.first_paint_ms", "<=", 1000, "ms"),
    ("weight of a page of it", "ui.kb", "<=", 300, "kB"),
    ("errors in 256 streams", "soak.errors", "<=", 0, ""),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--json", type=Path, help="write the results there")
    given = parser.parse_args()
    busy = others()
    for each in busy:
        print(f"not quiet: {each}", file=sys.stderr)
    results: dict[str, Any] = {
        "machine": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "others": busy,
        },
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    for name in given.parts or PARTS:
        print(f"... {name}", file=sys.stderr, flush=True)
        results[name] = PARTS[name]()
    if given.json:
        given.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))
    missed = _table(results)
    return 1 if missed else 0


def _table(results: dict[str, Any]) -> int:
    """Print each target beside what was measured; how many were missed."""
    missed = 0
    for title, path, relation, target, unit in TARGETS:
        value: Any = results
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            continue
        met = value <= target if relation == "<=" else value >= target
        missed += not met
        print(
            f"{title:<36} {value:>10} {unit:<3} target {relation} {target:<7}"
            f" {'met' if met else 'MISSED'}"
        )
    return missed


if __name__ == "__main__":
    sys.exit(main())
