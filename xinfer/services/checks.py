"""Whether a spec makes sense, before anything is stored: name, engine, options, files, machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from xinfer.config import amount
from xinfer.domain.cluster import EngineSettings
from xinfer.domain.model import ModelSpec
from xinfer.domain.names import check_uid
from xinfer.domain.node import Machine
from xinfer.domain.options import check_options
from xinfer.domain.ports import Engine, Engines
from xinfer.errors import Invalid
from xinfer.services.bounds import check_bounds

_SOURCES = "path, package, huggingface or modelscope"


class Checks:
    """`settings` by engine hold the options that are the defaults under every model's own."""

    def __init__(self, engines: Engines, settings: Mapping[str, EngineSettings]) -> None:
        self._engines = engines
        self._settings = settings

    def spec(self, spec: ModelSpec, machines: Iterable[Machine]) -> ModelSpec:
        """The spec with the engine's own spelling and all its options.

        Raises Invalid with the key and the nearest right name. `machines` are those that are
        known; the spec is refused if there are some and none of them can run it.
        """
        check_uid(spec.uid)
        check_bounds(spec)
        engine = self._engines.get(spec.engine)
        self._check_kind(spec, engine)
        self._check_files(spec, engine)
        checked = replace(spec, engine=engine.name, options=self._options(spec, engine))
        verdicts = [engine.supports(checked, machine) for machine in machines]
        if verdicts and not any(verdict.ok for verdict in verdicts):
            raise Invalid(verdicts[0].reason, verdicts[0].hint, key="model_engine")
        return checked

    def _options(self, spec: ModelSpec, engine: Engine) -> dict[str, object]:
        own = check_options(engine.name, engine.options, spec.options)
        defaults = self._settings.get(engine.name, EngineSettings()).options
        return {**defaults, **own}

    def _check_kind(self, spec: ModelSpec, engine: Engine) -> None:
        kinds = engine.traits.kinds
        if spec.kind not in kinds:
            raise Invalid(
                f"Engine '{engine.name}' does not serve models of type {spec.kind}.",
                f"It serves {', '.join(kinds)}.",
                key="model_type",
            )

    def _check_files(self, spec: ModelSpec, engine: Engine) -> None:
        if engine.traits.needs_source and spec.source is None:
            name = f" '{spec.family}' is not in the catalog." if spec.family else ""
            raise Invalid(
                f"Engine '{engine.name}' needs model files, and nothing says where those of"
                f" '{spec.uid}' are.{name}",
                f"Give model_path, or source with one of {_SOURCES}, such as"
                f' "source": {{"huggingface": "org/repo"}}.',
                key="source",
            )


def memory_bytes(given: int | str | None) -> int | None:
    """`2GiB` or a number of bytes as bytes; None as None. Raises Invalid for anything else."""
    if given is None:
        return None
    found = amount.to_bytes(given)
    if found is None:
        raise Invalid(f"memory: {given!r} is not an amount of memory.", amount.HINT, key="memory")
    return found
