"""Which engines there are: the built-in ones and those that other packages bring."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from importlib.metadata import entry_points

from xinfer.domain.names import did_you_mean
from xinfer.domain.ports import Engine
from xinfer.errors import Invalid

_GROUP = "xinfer.engines"
_BUILT_IN = {
    "llama.cpp": "xinfer.engines.llama_cpp:LlamaCpp",
    "echo": "xinfer.engines.echo:Echo",
    "command": "xinfer.engines.command:CommandEngine",
    "transformers": "xinfer.engines.transformers:Transformers",
    "mlx": "xinfer.engines.mlx:Mlx",
    "sentence-transformers": "xinfer.engines.sentence_transformers:SentenceTransformers",
    "vllm": "xinfer.engines.vllm:Vllm",
    "sglang": "xinfer.engines.sglang:Sglang",
}


class Registry:
    """Engines by name, loaded when first asked for. Names are matched without regard to case, and
    `_` counts as `-`.

    A package adds one by an entry point in the group `xinfer.engines` whose name is the engine's
    and whose object is called without arguments; a built-in name cannot be replaced.
    """

    def __init__(self) -> None:
        self._engines: dict[str, Engine] = {}

    def names(self) -> tuple[str, ...]:
        """All known names, built-in ones first."""
        others = sorted(
            point.name for point in entry_points(group=_GROUP) if point.name not in _BUILT_IN
        )
        return (*_BUILT_IN, *others)

    def get(self, name: str) -> Engine:
        """The engine of that name. Raises Invalid with the nearest name when there is none."""
        # Asking what packages bring reads the records of all that are installed: milliseconds.
        proper = _among(_BUILT_IN, name) or _among(self.names(), name)
        if proper is None:
            raise Invalid(f"There is no engine '{name}'.", did_you_mean(name, self.names()))
        if proper not in self._engines:
            self._engines[proper] = _load(proper)
        return self._engines[proper]


def _among(known: Iterable[str], name: str) -> str | None:
    return next((each for each in known if _plain(each) == _plain(name)), None)


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _load(name: str) -> Engine:
    target = _BUILT_IN.get(name)
    if target is not None:
        module, _, attribute = target.partition(":")
        engine: Engine = getattr(importlib.import_module(module), attribute)()
        return engine
    (point,) = entry_points(group=_GROUP, name=name)
    brought: Engine = point.load()()
    return brought
