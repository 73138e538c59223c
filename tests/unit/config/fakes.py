"""Engines with just enough to compile against."""

from __future__ import annotations

from dataclasses import dataclass

from xinfer.domain.engine import Command, Launch, Traits, Verdict
from xinfer.domain.model import ModelKind, ModelSpec
from xinfer.domain.names import did_you_mean
from xinfer.domain.node import Machine
from xinfer.domain.options import Option
from xinfer.engines.registry import Registry
from xinfer.errors import Invalid


@dataclass(frozen=True)
class FakeEngine:
    name: str
    traits: Traits
    options: tuple[Option, ...] = ()

    def supports(self, spec: ModelSpec, machine: Machine) -> Verdict:
        return Verdict(ok=True)

    def command(self, launch: Launch) -> Command:
        return Command(argv=("true",))


class FakeEngines:
    """llama.cpp, echo and command; the others that are built in have no options."""

    def __init__(self) -> None:
        chat = (ModelKind.LLM,)
        self._engines = {
            "llama.cpp": FakeEngine(
                "llama.cpp",
                Traits(kinds=(ModelKind.LLM, ModelKind.EMBEDDING), formats=("gguf",)),
                (
                    Option(name="n_ctx", type="int", doc="Context in tokens.", minimum=0),
                    Option(name="n_parallel", type="int", doc="Slots.", aliases=("slots",)),
                    Option(name="mlock", type="bool", doc="Keep the weights in memory."),
                    Option(name="cache_type", type="str", doc="Cache.", choices=("f16", "q8_0")),
                ),
            ),
            "echo": FakeEngine("echo", Traits(kinds=chat, needs_source=False)),
            "command": FakeEngine(
                "command",
                Traits(kinds=chat, needs_source=False),
                (
                    Option(name="command", type="str", doc="Program with {port} in it."),
                    Option(name="ready", type="str", doc="Path that answers 200.", default="/"),
                ),
            ),
        }
        for name in Registry().names():
            self._engines.setdefault(name, FakeEngine(name, Traits(kinds=tuple(ModelKind))))

    def names(self) -> tuple[str, ...]:
        return tuple(self._engines)

    def get(self, name: str) -> FakeEngine:
        if name not in self._engines:
            raise Invalid(f"There is no engine '{name}'.", did_you_mean(name, self._engines))
        return self._engines[name]
