"""The settings of an installation after compilation: what the roles are started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xinfer.domain.model import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """`host:port` is where the supervisor listens; `supervisor` is the URL a worker joins.

    `role` is what runs on this machine: "both", "supervisor" or "worker". `worker_host` is where
    other hosts reach this machine's worker and replicas; empty means that none does. `reach` is how
    the supervisor gets to them: a value of Reach. `machines` are the names of all that a recipe
    lets run models.

    `node_grace_s`: a node silent for longer is lost and its replicas are planned elsewhere.
    `orphan_grace_s`: shims end their engines when no worker renewed the node's lease for so long.
    """

    host: str = "127.0.0.1"
    port: int = 9997
    node: str = "local"
    supervisor: str = ""
    role: str = "both"
    worker_host: str = ""
    reach: str = "direct"
    machines: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    node_grace_s: float = 60.0
    orphan_grace_s: float = 60.0
    report_interval_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """Byte path. `workers` gunicorn processes; `connections` open client connections of each.

    `max_body_bytes` bounds a request body; `connect_timeout_s` and `read_timeout_s` (silence
    between two reads) bound the engine; `header_timeout_s` bounds a slow client. `tls_cert` and
    `tls_key` are absolute paths of PEM files; empty: no TLS. Engines may fetch what requests name
    from `media_hosts`, and read it below the absolute folders `media_roots`.
    """

    workers: int = 1
    connections: int = 2000
    max_body_bytes: int = 16 * 1024 * 1024
    connect_timeout_s: float = 2.0
    read_timeout_s: float = 600.0
    header_timeout_s: float = 15.0
    graceful_timeout_s: float = 30.0
    access_log: bool = False
    tls_cert: str = ""
    tls_key: str = ""
    media_hosts: tuple[str, ...] = ()
    media_roots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSettings:
    """`mode`: auto (off on loopback, on elsewhere), off, or on. `keys` are administrators'.

    `cors_origins`: sites whose pages may call. `model_roots`: absolute folders below which callers
    who are no administrators may launch files from.
    """

    mode: str = "auto"
    keys: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    model_roots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """`url` is an SQLAlchemy URL; empty means SQLite under the home folder."""

    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """`level` of our own logs; engine logs rotate at `engine_max_bytes`, keeping `engine_files`."""

    level: str = "info"
    engine_max_bytes: int = 10 * 1024 * 1024
    engine_files: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Per engine: `env` is "current", an interpreter's path, or "managed"; `options` are defaults
    under every model's own.
    """

    env: str = "current"
    options: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that is not a model."""

    home: Path
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    log: LogSettings = field(default_factory=LogSettings)
    engines: Mapping[str, EngineSettings] = field(default_factory=dict)
