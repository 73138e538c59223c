"""What an engine is told and what it answers: values only, the behaviour is in `engines/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xinfer.domain.dialect import Dialect
from xinfer.domain.model import Footprint, ModelKind, ModelSpec
from xinfer.domain.node import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether an engine can run a spec on a machine; `reason` says why not, `hint` what to do."""

    ok: bool
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How an engine uses memory, for estimates before it runs.

    `overhead_bytes`: process, libraries and buffers. `growth_on_cpu`: what unquantized weights grow
    by when a processor computes with them (2 = float32). `context_option` and `slots_option` name
    the options that size the cache. `share_option` names the one that says what share of an
    accelerator is taken beforehand, `share` its default.
    """

    overhead_bytes: int = 512 * 2**20
    growth_on_cpu: float = 1.0
    context_option: str = ""
    slots_option: str = ""
    share_option: str = ""
    share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """Facts about an engine that other parts act on.

    `needs_source`: it loads model files. `kinds`: what it can serve. `usage_in_stream`: it honours
    `stream_options.include_usage`. `formats`: the catalog's formats that it reads ("gguf",
    "pytorch", "gptq", "awq", "fp8", "fp4", "bnb", "mlx"). `abilities`: what its server can do, of
    "chat", "generate", "embed", "rerank", "tools", "vision", "structured_output", "lora".
    `module`: the Python module whose import shows that an interpreter has the engine (`a|b`: either
    does); empty when it needs none. `title`: its name in listings, if not `name`. `habits`: how it
    uses memory. `weigh` reads from the files of a model what it needs, weights left unread; it
    raises Invalid for files that the engine could not run either (None: it cannot be told
    beforehand). `dialect`: its words for what requests may say in others; None: as they come.
    """

    kinds: tuple[ModelKind, ...]
    needs_source: bool = True
    usage_in_stream: bool = True
    formats: tuple[str, ...] = ()
    abilities: tuple[str, ...] = ()
    module: str = ""
    title: str = ""
    habits: Habits = Habits()
    weigh: Callable[[ModelSpec, Files], Footprint] | None = None
    dialect: Dialect | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Local files of a model after fetching: `root` folder and the selected `paths` in it."""

    root: Path
    paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One replica about to be started. `port` was free a moment ago; engines that can bind port 0
    themselves ignore it and announce the real one by writing `host:port` to `endpoint_file`.
    """

    spec: ModelSpec
    replica_id: str
    machine: Machine
    files: Files | None
    host: str
    port: int
    endpoint_file: Path
    python: str
    devices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """The process that a replica is.

    `env` is added to the worker's own. `ready_path` answers 200 once the engine serves; a 503 means
    loading. `announces`: the address is read from `endpoint_file` instead of `host:port`.
    `served_model`: the name the engine answers to (None = the uid); the gateway then renames the
    model both ways. `slots`: requests run at once. `context`: tokens that one of them may have,
    question and answer (None = not known). `stop_grace_s`: time between SIGTERM and SIGKILL.
    `gauges`: what the engine itself measures, by our name ("running", "waiting", "cache_usage")
    the name of its metric at `/metrics`; empty when it has none. `whole_by_stream`: whole replies
    are asked of it as streams, since it notices only when it sends that nobody waits any more.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    ready_path: str = "/health"
    announces: bool = False
    served_model: str | None = None
    slots: int | None = None
    context: int | None = None
    stop_grace_s: float = 10.0
    gauges: Mapping[str, str] = field(default_factory=dict)
    whole_by_stream: bool = False
