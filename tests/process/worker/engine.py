"""The fake engine as a worker sees it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from xinfer.domain.engine import Command, Files, Launch, Traits, Verdict
from xinfer.domain.model import Footprint, ModelKind, ModelSpec
from xinfer.domain.node import Machine
from xinfer.domain.options import Option
from xinfer.domain.ports import Engine
from xinfer.engines.echo import Echo
from xinfer.errors import Invalid

SCRIPT = Path(__file__).parent / "fake_engine.py"


def weighed(spec: ModelSpec, files: Files) -> Footprint:
    """As much as they take on a disk that has no holes."""
    return Footprint(weights_bytes=files.paths[0].stat().st_size, token_bytes=0)


class FakeEngine:
    """`options`: mode and value of the script, and the grace of its end. A source is weighed."""

    name = "fake"
    traits = Traits(kinds=(ModelKind.LLM,), weigh=weighed)
    options: tuple[Option, ...] = ()

    def supports(self, spec: ModelSpec, machine: Machine) -> Verdict:
        return Verdict(ok=True)

    def command(self, launch: Launch) -> Command:
        options = launch.spec.options
        if options.get("mode") == "refuse":
            raise Invalid("The option 'mode' makes no sense.", "Leave it out.")
        program = str(options.get("program", launch.python))
        words = [str(options.get("mode", "serve")), str(options.get("value", ""))]
        return Command(
            argv=(program, str(SCRIPT), str(launch.port), *words),
            stop_grace_s=float(options.get("grace_s", 5.0)),
            slots=4,
        )


class ThisInterpreter:
    """Environments of engines that need none."""

    def interpreter(
        self, engine: str, env: str, accelerator: str, progress: Callable[[float, str], None]
    ) -> str:
        return sys.executable

    def missing(self, env_by_engine: Mapping[str, str]) -> Mapping[str, str]:
        return {}


class FakeEngines:
    def names(self) -> tuple[str, ...]:
        return ("fake", "echo")

    def get(self, name: str) -> Engine:
        if name == "echo":
            return Echo()
        if name != "fake":
            raise Invalid(f"There is no engine '{name}'.")
        return FakeEngine()
