"""The weightless engine: answers with the question. For demonstrations, tests and benchmarks."""

from __future__ import annotations

from xinfer.domain.engine import Command, Launch, Traits, Verdict
from xinfer.domain.model import ModelKind, ModelSpec
from xinfer.domain.node import Machine
from xinfer.domain.options import Option

_OPTIONS = (
    Option(name="load_s", type="float", doc="Seconds it pretends to load.", default=0.0, minimum=0),
    Option(name="fail", type="str", doc="End while loading, with this error."),
    Option(name="slots", type="int", doc="Requests that it runs at once.", minimum=1),
)


class Echo:
    """Adapter of `engines/hosts/echo.py`."""

    name = "echo"
    traits = Traits(
        kinds=(ModelKind.LLM, ModelKind.EMBEDDING, ModelKind.RERANK), needs_source=False
    )
    options = _OPTIONS

    def supports(self, spec: ModelSpec, machine: Machine) -> Verdict:
        """It runs everywhere."""
        return Verdict(ok=True)

    def command(self, launch: Launch) -> Command:
        """The host process; it binds a port of its own choice and announces it."""
        options = launch.spec.options
        argv = [
            *(launch.python, "-m", "xinfer.engines.hosts.echo"),
            *("--host", launch.host, "--port", "0"),
            *("--endpoint-file", str(launch.endpoint_file), "--model", launch.spec.uid),
        ]
        for option, flag in (("load_s", "--load-s"), ("fail", "--fail")):
            if options.get(option):
                argv.append(f"{flag}={options[option]}")
        return Command(
            argv=(*argv, *launch.spec.extra_args),
            announces=True,
            slots=options.get("slots"),
        )
