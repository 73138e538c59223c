"""One model of a recipe as a `ModelSpec`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xinfer.config import amount, explain, schema
from xinfer.config.origin import Origins
from xinfer.domain.cluster import EngineSettings
from xinfer.domain.model import (
    Hub,
    JsonValue,
    Limits,
    ModelKind,
    ModelSpec,
    Origin,
    Placement,
    Restart,
    Source,
)
from xinfer.domain.options import check_options
from xinfer.domain.ports import Engine, Engines

_SHORT = ("command", "ready")
"""Keys that a model may give itself for the engine option of the same name."""


class ModelCompiler:
    """Turns the models of one recipe into specs; raises Invalid with place, key and remedy."""

    def __init__(
        self, engines: Engines, settings: Mapping[str, EngineSettings], origins: Origins
    ) -> None:
        self._engines = engines
        self._settings = settings
        self._origins = origins

    def spec(self, uid: str, model: schema.Model) -> ModelSpec:
        """The spec; of a model that only names a family, without a source."""
        key = f"models.{uid}"
        engine = self._engine(model, key)
        return ModelSpec(
            uid=uid,
            engine=engine.name,
            kind=self._kind(model, engine, key),
            source=self._source(model, engine, key),
            family=model.family,
            format=model.format,
            size=model.size,
            quantization=model.quantization,
            replicas=model.replicas,
            options=self._options(model, engine, key),
            extra_args=tuple(model.extra_args),
            env=self._env(model.env, f"{key}.env"),
            memory_bytes=self._memory(model.memory, f"{key}.memory"),
            launch_timeout_s=model.launch_timeout_s,
            drain_timeout_s=model.drain_timeout_s,
            limits=Limits(**vars(model.limits)),
            restart=Restart(**vars(model.restart)),
            placement=self._placement(model, key),
            origin=Origin.RECIPE,
        )

    def _engine(self, model: schema.Model, key: str) -> Engine:
        if not model.engine:
            hint = f"Add engine: one of {', '.join(self._engines.names())}."
            raise explain.at_key(self._origins, f"{key}.engine", "the engine is missing.", hint)
        with explain.placed(self._origins, f"{key}.engine"):
            return self._engines.get(model.engine)

    def _kind(self, model: schema.Model, engine: Engine, key: str) -> ModelKind:
        kinds = engine.traits.kinds
        kind = ModelKind(model.kind) if model.kind else kinds[0]
        if kind not in kinds:
            what = f"engine '{engine.name}' does not serve models of kind {kind}."
            hint = f"It serves {', '.join(kinds)}."
            raise explain.at_key(self._origins, f"{key}.kind", what, hint)
        return kind

    def _source(self, model: schema.Model, engine: Engine, key: str) -> Source | None:
        given = model.source
        if given is None:
            if engine.traits.needs_source and not model.family:
                what = f"engine '{engine.name}' needs model files, and no source says where."
                hint = (
                    "Add source: with one of path, package, huggingface, modelscope, "
                    "such as source: {huggingface: org/repo}."
                )
                raise explain.at_key(self._origins, f"{key}.source", what, hint)
            return None
        hubs = [hub for hub in Hub if getattr(given, hub)]
        if len(hubs) != 1:
            raise self._not_one_source(hubs, f"{key}.source")
        hub = hubs[0]
        ref = str(getattr(given, hub))
        if hub is Hub.PATH:
            ref = str(self._origins.locate(f"{key}.source.path", ref))
        return Source(hub=hub, ref=ref, revision=given.revision, files=tuple(given.files))

    def _not_one_source(self, hubs: list[Hub], key: str) -> Exception:
        if not hubs:
            what = "the source is empty."
            hint = "Give one of path, package, huggingface, modelscope."
            return explain.at_key(self._origins, key, what, hint)
        second = f"{key}.{hubs[-1]}"
        what = f"two sources are given: {' and '.join(hubs)}."
        return explain.at_key(self._origins, second, what, f"Keep one of {', '.join(hubs)}.")

    def _options(self, model: schema.Model, engine: Engine, key: str) -> dict[str, JsonValue]:
        """The engine's defaults under the model's own; the short keys count as its own."""
        full = f"{key}.engine_kwargs"
        with explain.placed(self._origins, full):
            own = check_options(engine.name, engine.options, model.engine_kwargs, full)
        for name in _SHORT:
            value = getattr(model, name)
            if value is None:
                continue
            if name not in {option.name for option in engine.options}:
                what = f"engine '{engine.name}' has no '{name}'."
                hint = "This key belongs to engine: command."
                raise explain.at_key(self._origins, f"{key}.{name}", what, hint)
            if name in own:
                what = f"it is given twice, here and as engine_kwargs.{name}."
                raise explain.at_key(self._origins, f"{key}.{name}", what, "Keep one of them.")
            with explain.placed(self._origins, f"{key}.{name}"):
                own |= check_options(engine.name, engine.options, {name: value}, key)
        return {**self._settings[engine.name].options, **own}

    def _env(self, given: Mapping[str, Any], key: str) -> dict[str, str]:
        env = {}
        for name, value in given.items():
            if isinstance(value, bool):
                value = str(value).lower()
            if not isinstance(value, str | int | float):
                what = f"expected text, got {'nothing' if value is None else repr(value)}."
                raise explain.at_key(self._origins, f"{key}.{name}", what)
            env[name] = str(value)
        return env

    def _memory(self, given: Any, key: str) -> int | None:
        if given is None:
            return None
        amount_bytes = amount.to_bytes(given)
        if amount_bytes is None:
            what = f"{given!r} is not an amount of memory."
            raise explain.at_key(self._origins, key, what, amount.HINT)
        return amount_bytes

    def _placement(self, model: schema.Model, key: str) -> Placement:
        count = model.n_gpu
        if isinstance(count, str) and count.isdecimal():
            count = int(count)
        is_count = isinstance(count, int) and not isinstance(count, bool) and count >= 0
        if count not in (None, "auto") and not is_count:
            what = f"{model.n_gpu!r} is not a number of accelerators."
            hint = "Write a whole number, auto, or null for CPU only."
            raise explain.at_key(self._origins, f"{key}.n_gpu", what, hint)
        return Placement(
            node=model.node,
            labels=dict(model.labels),
            n_gpu=count or None,
            gpu_idx=tuple(model.gpu_idx),
        )
