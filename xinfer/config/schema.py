"""Every key of a recipe with its type, default and meaning; the JSON Schema is made from this page.

The classes are OmegaConf structured configs. Sections that are settings mirror `domain/cluster.py`
field by field. Options of engines are not here: each engine declares its own.
"""

# ruff: noqa: RUF009 (`_key` returns a dataclass field, which ruff cannot see)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from xinfer.domain.model import MAX_REPLICAS


def _key(
    default: Any,
    doc: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A key with its default (a class or type stands for a new, empty one of it) and its bounds."""
    metadata = {"doc": doc, "minimum": minimum, "maximum": maximum, "choices": choices}
    if isinstance(default, type):
        factory: Callable[[], Any] = default
        return field(default_factory=factory, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class Node:
    """One machine of a cluster that a recipe names."""

    address: str = _key("", "Host name or address under which the other machines reach it.")
    role: str = _key(
        "worker",
        "What runs there; exactly one machine has the supervisor.",
        choices=("both", "supervisor", "worker"),
    )
    reach: str = _key(
        "direct",
        "How the supervisor gets to it; reverse: by connections that it opens to the supervisor.",
        choices=("direct", "reverse"),
    )
    labels: dict[str, str] = _key(dict, "Its labels, matched by a model's `labels`.")


@dataclass
class Cluster:
    """Where the supervisor listens and how nodes are watched."""

    host: str = _key("127.0.0.1", "Address that the supervisor listens on.")
    port: int = _key(9997, "Port that the supervisor listens on.", minimum=1, maximum=65535)
    node: str = _key("local", "Name of this machine in the cluster.")
    supervisor: str = _key("", "URL of the supervisor that a worker joins; empty: this machine.")
    role: str = _key(
        "auto",
        "What runs on this machine; auto: a worker where `supervisor` is set, else both.",
        choices=("auto", "both", "supervisor", "worker"),
    )
    worker_host: str = _key(
        "", "Address under which other hosts reach this machine's replicas; empty: none does."
    )
    reach: str = _key(
        "direct",
        "How the supervisor gets to this machine's worker; reverse: by connections that the worker"
        " opens to it, where nothing can connect to this machine.",
        choices=("direct", "reverse"),
    )
    nodes: dict[str, Node] = _key(
        dict, "The machines of the cluster by name; `node` says which of them this one is."
    )
    labels: dict[str, str] = _key(dict, "Labels of this machine, matched by a model's `labels`.")
    node_grace_s: float = _key(
        60.0, "Seconds of silence after which a node's replicas are planned elsewhere.", minimum=0
    )
    orphan_grace_s: float = _key(
        60.0, "Seconds without a worker after which a replica ends itself.", minimum=0
    )
    report_interval_s: float = _key(
        2.0, "Seconds between two reports of a worker at the latest.", minimum=0.1
    )


@dataclass
class Store:
    """Where the state of the cluster is kept."""

    url: str = _key("", "SQLAlchemy URL; empty: SQLite under the home folder.")


@dataclass
class Launcher:
    """What starts the roles."""

    kind: str = _key("local", "local: processes of this machine.", choices=("local",))


@dataclass
class Engine:
    """What one engine runs in, and defaults for all its models."""

    env: str = _key(
        "current", "Python that runs it: current, managed, or the path of an interpreter."
    )
    options: dict[str, Any] = _key(dict, "Engine options under those of every model.")


@dataclass
class Gateway:
    """The path of the requests."""

    workers: int = _key(1, "Processes that serve HTTP.", minimum=1)
    connections: int = _key(2000, "Open client connections of each process.", minimum=1)
    max_body_bytes: int = _key(16 * 1024 * 1024, "Largest accepted request body.", minimum=1)
    connect_timeout_s: float = _key(2.0, "Seconds to reach a replica.", minimum=0)
    read_timeout_s: float = _key(600.0, "Seconds of silence allowed from a replica.", minimum=0)
    header_timeout_s: float = _key(
        15.0, "Seconds that a client has to send its request's head.", minimum=0
    )
    graceful_timeout_s: float = _key(
        30.0, "Seconds for running requests to end when stopping.", minimum=0
    )
    access_log: bool = _key(False, "Whether to log a line per request.")
    tls_cert: str = _key("", "Certificate chain (PEM) to serve HTTPS with; empty: HTTP.")
    tls_key: str = _key("", "Private key (PEM) of the certificate.")
    media_hosts: list[str] = _key(
        list, "Hosts from which engines may fetch images and the like that a request names by URL."
    )
    media_roots: list[str] = _key(
        list, "Folders below which engines may read files that a request names by a file:// URL."
    )


@dataclass
class Auth:
    """Who may call."""

    mode: str = _key("auto", "auto: off on loopback, on elsewhere.", choices=("auto", "off", "on"))
    keys: list[str] = _key(list, "API keys of administrators; empty: one is made.")
    cors_origins: list[str] = _key(
        list, "Sites whose pages may call from a browser, such as https://chat.example.org."
    )
    model_roots: list[str] = _key(
        list, "Folders below which callers who are no administrators may launch files from."
    )


@dataclass
class Log:
    """Our own logs and those of the engines."""

    level: str = _key(
        "info", "Level of our own logs.", choices=("debug", "info", "warning", "error")
    )
    engine_max_bytes: int = _key(
        10 * 1024 * 1024, "Size at which an engine's log file is rotated.", minimum=1024
    )
    engine_files: int = _key(3, "Rotated log files kept per replica.", minimum=1)


@dataclass
class Source:
    """Where the files of a model are: exactly one of path, package, huggingface, modelscope."""

    path: str | None = _key(None, "Local file or folder; relative to the recipe that says it.")
    package: str | None = _key(None, "Installed Python package that carries the weights.")
    huggingface: str | None = _key(None, "org/repo on the Hugging Face hub.")
    modelscope: str | None = _key(None, "org/repo on the ModelScope hub.")
    revision: str | None = _key(None, "Branch, tag or commit of a hub's repository.")
    files: list[str] = _key(list, "Glob patterns of the wanted files; empty: the engine's choice.")


@dataclass
class Limits:
    """Admission of requests to a model."""

    max_in_flight: int | None = _key(
        None, "Requests at once per replica; null: no limit of ours.", minimum=1
    )
    max_queue: int = _key(512, "Requests that may wait.", minimum=0)
    queue_timeout_s: float = _key(60.0, "Seconds that a request may wait.", minimum=0)


@dataclass
class Restart:
    """What happens when a replica ends by itself."""

    max_failures: int = _key(
        5,
        "Launches in a row that may fail before a replica rests as failed; of an engine that never"
        " served, two that end alike.",
        minimum=1,
    )
    backoff_s: float = _key(1.0, "Seconds before the first retry; doubles each time.", minimum=0)
    backoff_max_s: float = _key(60.0, "Longest wait before a retry, in seconds.", minimum=0)


@dataclass
class Model:
    """One model; its key in `models` is the uid under which clients ask for it."""

    engine: str | None = _key(None, "What runs it.")
    kind: str | None = _key(
        None,
        "What it is for; null: the first kind that the engine serves.",
        choices=("LLM", "embedding", "rerank"),
    )
    source: Source | None = _key(None, "Where its files are.")
    family: str | None = _key(None, "Name in the catalog, in place of a source.")
    size: str | None = _key(None, "Size of the family, in billions of parameters.")
    format: str | None = _key(None, "File format of the family.")
    quantization: str | None = _key(None, "Quantization of the family.")
    replicas: int = _key(1, "Engine processes that serve it.", minimum=0, maximum=MAX_REPLICAS)
    engine_kwargs: dict[str, Any] = _key(dict, "Options of the engine.")
    command: Any = _key(None, "Short for engine_kwargs.command of engine `command`.")
    ready: str | None = _key(None, "Short for engine_kwargs.ready of engine `command`.")
    extra_args: list[str] = _key(list, "Put at the end of the engine's command line, untouched.")
    env: dict[str, Any] = _key(dict, "Added to the engine's environment.")
    memory: Any = _key(None, "Memory of one replica, in bytes or as text such as 2GiB.")
    limits: Limits = _key(Limits, "Admission of requests.")
    restart: Restart = _key(Restart, "What happens when a replica ends by itself.")
    node: str | None = _key(None, "Name of the node to run on.")
    labels: dict[str, str] = _key(dict, "Labels that a node must have.")
    n_gpu: Any = _key("auto", "Accelerators per replica: a number, auto, or null for CPU only.")
    gpu_idx: list[int] = _key(list, "Indices of the accelerators to use.")
    launch_timeout_s: float = _key(1800.0, "Seconds from start to ready.", minimum=0)
    drain_timeout_s: float = _key(30.0, "Seconds for running requests to end.", minimum=0)


@dataclass
class Recipe:
    """The whole of a recipe."""

    cluster: Cluster = _key(Cluster, "Where the supervisor listens and how nodes are watched.")
    store: Store = _key(Store, "Where the state of the cluster is kept.")
    launcher: Launcher = _key(Launcher, "What starts the roles.")
    engine: dict[str, Engine] = _key(dict, "Per engine: its Python and its default options.")
    gateway: Gateway = _key(Gateway, "The path of the requests.")
    auth: Auth = _key(Auth, "Who may call.")
    log: Log = _key(Log, "Logs.")
    models: dict[str, Model] = _key(dict, "What should run, by uid.")
