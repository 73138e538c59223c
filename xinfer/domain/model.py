"""What should run: a resolved model and its parts. Both front doors (recipe, REST) end here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

JsonValue = Any
"""A value that JSON can carry; nested, so the type checker is not asked to follow it."""

MAX_REPLICAS = 1000
"""More of one model are a slip of the keyboard, and would be that many processes."""


class Hub(StrEnum):
    """Where the files of a model come from."""

    PATH = "path"
    PACKAGE = "package"
    HUGGINGFACE = "huggingface"
    MODELSCOPE = "modelscope"


class ModelKind(StrEnum):
    """What a model is for, in the spelling of the public API."""

    LLM = "LLM"
    EMBEDDING = "embedding"
    RERANK = "rerank"


class Origin(StrEnum):
    """Who declared a model; applying a recipe prunes only models of its own origin."""

    RECIPE = "recipe"
    API = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One place that has the files of a model.

    `ref` is a path, a package name or `org/repo`. `files` are glob patterns relative to the source
    that select the wanted files; empty means the engine's usual choice (the only `*.gguf`, say).
    `mirrors` have the same files: they are used when `hub` cannot be reached.
    """

    hub: Hub
    ref: str
    revision: str | None = None
    files: tuple[str, ...] = ()
    mirrors: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Admission to one model. `max_in_flight` is per replica; None means no limit of ours."""

    max_in_flight: int | None = None
    max_queue: int = 512
    queue_timeout_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """How a worker retries a replica that ended.

    After `max_failures` launches in a row that never became ready the replica rests as failed;
    one that was ready is restarted for ever, with back-off from `backoff_s` doubling to
    `backoff_max_s`.
    """

    max_failures: int = 5
    backoff_s: float = 1.0
    backoff_max_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where replicas may run. `n_gpu`: None = CPU only, "auto" = the planner chooses."""

    node: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    n_gpu: int | str | None = "auto"
    gpu_idx: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A resolved model: everything that a worker needs to run one replica of it, and how many.

    `options` are the engine's typed options after validation; `extra_args` go to the engine's
    command line untouched; `env` is added to its environment. `memory_bytes` is what one replica
    is expected to need (None = not known). `launch_timeout_s` bounds start to ready. `retired` are
    indices whose replicas are to end, and that no other gets, while they are in here. `attempt`
    rises when somebody asks for what has failed and rests to be tried again.
    """

    uid: str
    engine: str
    kind: ModelKind = ModelKind.LLM
    source: Source | None = None
    family: str | None = None
    format: str | None = None
    size: str | None = None
    quantization: str | None = None
    replicas: int = 1
    options: Mapping[str, JsonValue] = field(default_factory=dict)
    extra_args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    memory_bytes: int | None = None
    launch_timeout_s: float = 1800.0
    drain_timeout_s: float = 30.0
    limits: Limits = field(default_factory=Limits)
    restart: Restart = field(default_factory=Restart)
    placement: Placement = field(default_factory=Placement)
    origin: Origin = Origin.API
    created_s: int = 0
    retired: tuple[int, ...] = ()
    attempt: int = 0

    def digest(self) -> str:
        """Twelve hex digits that change when a running replica would have to be replaced.

        Count, retired indices, limits, restart policy, origin, dates and attempts are left out:
        changing them must not restart an engine.
        """
        source = self.source
        parts = {
            "uid": self.uid,
            "engine": self.engine,
            "kind": self.kind,
            "source": [source.hub, source.ref, source.revision, list(source.files)]
            if source
            else None,
            "family": [self.family, self.format, self.size, self.quantization],
            "options": dict(self.options),
            "extra_args": list(self.extra_args),
            "env": dict(self.env),
            "gpu": [self.placement.n_gpu, list(self.placement.gpu_idx)],
        }
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """A model in bytes: its weights as stored, and the cache of keys and values of one token.

    `stored_wide`: as float32, which is as wide as anything computes with.
    """

    weights_bytes: int
    token_bytes: int
    stored_wide: bool = False
