"""Everything pluggable, on one page. Adapters live in the package named beside each port."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from xinfer.domain.cached import CachedModel
from xinfer.domain.download import Download, NodeFetching
from xinfer.domain.engine import Command, Files, Launch, Traits, Verdict
from xinfer.domain.identity import ApiKey, Identities, User
from xinfer.domain.measured import Measured
from xinfer.domain.model import ModelSpec, Source
from xinfer.domain.node import Contact, Machine, NodeReport, NodeState
from xinfer.domain.options import Option
from xinfer.domain.record import (
    AuditEntry,
    AuditQuery,
    Guesses,
    UsageCount,
    UsageKey,
    UsageQuery,
)
from xinfer.domain.registration import Registration
from xinfer.domain.replica import FileProgress
from xinfer.domain.state import Assigned, Assignment, Desired, Event, Observed


class Engine(Protocol):
    """`engines/<name>.py`: what to run, not how to infer."""

    @property
    def name(self) -> str: ...

    @property
    def traits(self) -> Traits: ...

    @property
    def options(self) -> tuple[Option, ...]: ...

    def supports(self, spec: ModelSpec, machine: Machine) -> Verdict:
        """Whether it can run here at all; cheap, no download, no process."""
        ...

    def command(self, launch: Launch) -> Command:
        """The process for one replica. Raises Invalid when files or options do not fit."""
        ...


class Engines(Protocol):
    """`engines/registry.py`: built-in engines and those of entry points."""

    def names(self) -> tuple[str, ...]: ...

    def get(self, name: str) -> Engine:
        """Raises Invalid with the nearest name when there is no such engine."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPlan:
    """What a fetch would do. `missing_bytes` None = the size is not known before it starts."""

    files: tuple[str, ...]
    present: bool
    missing_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """How far a fetch is: `share` 0..1 of the whole, a short text, and each file under way.

    `total_bytes` None = not known.
    """

    share: float
    text: str = ""
    files: tuple[FileProgress, ...] = ()
    done_bytes: int = 0
    total_bytes: int | None = None


class Watcher(Protocol):
    """Follows a fetch, and may end it."""

    def see(self, transfer: Transfer) -> None: ...

    def cancelled(self) -> bool:
        """Whether nobody wants the files any more; the hub then raises Conflict, soon."""
        ...


class Hub(Protocol):
    """`catalog/hubs/<name>.py`: one place that model files come from."""

    def plan(self, source: Source) -> FetchPlan:
        """What is here and what would be fetched; no download."""
        ...

    def fetch(self, source: Source, watcher: Watcher) -> Files:
        """Make the files local and return them.

        Raises LaunchFailed with phase "downloading", NotFound when the source does not have them,
        Conflict when `watcher` cancelled it.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentState:
    """One engine's Python environment. `accelerator` is "cpu" or "cuda".

    `state` is "ready", "building", "broken" or "missing"; `detail` says why it is not ready.
    """

    engine: str
    accelerator: str
    path: str
    state: str
    detail: str = ""
    size_bytes: int | None = None


class Environments(Protocol):
    """`engines/environment.py`: the interpreters that engines run in."""

    def interpreter(
        self, engine: str, env: str, accelerator: str, progress: Callable[[float, str], None]
    ) -> str:
        """The interpreter for `env`: "current", "managed" (built when it is not there), or a path.

        Raises LaunchFailed with phase "environment" and the import error, or the installer's last
        words, when the engine cannot run there.
        """
        ...

    def missing(self, env_by_engine: Mapping[str, str]) -> Mapping[str, str]:
        """Why engines could not be started as things are, by engine; cheap enough to be asked at
        every report. A managed environment that can still be built is not missing.
        """
        ...


class DesiredStore(Protocol):
    """`store/`: what should run."""

    def desired(self) -> Desired: ...

    def write_desired(
        self,
        models: Mapping[str, ModelSpec],
        *,
        expected: int,
        recipe: str | None = None,
        declared: Mapping[str, ModelSpec] | None = None,
    ) -> Desired:
        """Replace all models; `recipe` and `declared` stay as they are when None.

        Raises Conflict unless the stored revision is `expected`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to plan. `term` grows with each new holder and fences writes of older ones."""

    holder: str
    term: int


class AssignedStore(Protocol):
    """`store/`: what was decided, guarded by the lease."""

    def assigned(self) -> Assigned: ...

    def write_assigned(self, assigned: Assigned, *, expected: int, lease: Lease) -> Assigned:
        """Raises Conflict when the revision moved or the lease's term is no longer current."""
        ...

    def acquire(self, holder: str, ttl_s: float) -> Lease | None:
        """Take or renew the lease; None while another live holder has it."""
        ...

    def release(self, lease: Lease) -> None: ...


class ObservedStore(Protocol):
    """`store/`: what the nodes said."""

    def observed(self) -> Observed: ...

    def node(self, name: str) -> NodeState | None:
        """The last word of one node, without reading those of all."""
        ...

    def record(self, report: NodeReport, now_s: float) -> bool:
        """Keep a report unless it is older than the kept one; True when replicas changed."""
        ...

    def forget(self, node: str) -> None: ...


class EventStore(Protocol):
    """`store/`: the history of a model, bounded per uid."""

    def append(self, events: Iterable[Event]) -> None: ...

    def events(self, uid: str, limit: int = 200) -> tuple[Event, ...]: ...


class ModelCache(Protocol):
    """`launch/sources.py` over `catalog/cache.py`: the model files of this machine."""

    def cached(self) -> tuple[CachedModel, ...]: ...

    def remove(self, hub: str, ref: str, in_use: Iterable[Source]) -> bool:
        """Delete what is kept of a repository; False when nothing was.

        Raises Conflict when one of the sources in use is served by it, StoreFailed when the files
        cannot be deleted.
        """
        ...

    def free_bytes(self) -> Mapping[str, int]:
        """By hub, what its cache has room for."""
        ...


class NodeFiles(Protocol):
    """`api/node_files.py`: the caches of the nodes, asked over the network."""

    def cached(self, worker: Contact) -> tuple[CachedModel, ...]:
        """Raises NotReady when the worker does not answer."""
        ...

    def remove(self, worker: Contact, hub: str, ref: str) -> bool:
        """Raises NotReady, and Conflict when a replica there uses the files."""
        ...


class NodeDownloads(Protocol):
    """`api/node_downloads.py`: the downloads of the nodes. Raises NotReady when the worker does not
    answer, NotFound and Conflict as the worker does.
    """

    def at(self, worker: Contact) -> NodeFetching: ...

    def begin(self, worker: Contact, order: Download) -> Download: ...

    def change(self, worker: Contact, download_id: str, verb: str) -> Download:
        """`verb` is pause, resume, cancel or forget."""
        ...


class RegistrationStore(Protocol):
    """`store/registrations.py`: model families that users registered."""

    def registrations(self) -> tuple[Registration, ...]:
        """Those in force, oldest first."""
        ...

    def history(self, kind: str, name: str) -> tuple[Registration, ...]:
        """Every registration of a name, also those that ended."""
        ...

    def register(self, kind: str, name: str, body: str) -> Registration:
        """Put one in force. Raises Conflict when the name has one."""
        ...

    def unregister(self, kind: str, name: str) -> bool:
        """End the one in force; False when there is none."""
        ...


class MeasuredStore(Protocol):
    """`store/measurements.py`: what replicas were seen to need."""

    def measured(self) -> Measured: ...

    def learn(self, seen: Mapping[str, int]) -> None:
        """Keep peaks of memory in bytes, by `measured.key_of`, that are above the known ones."""
        ...


class IdentityReader(Protocol):
    """`store/identity.py`: everybody who may call."""

    def identity_revision(self) -> int:
        """Grows with every change of a user or a key."""
        ...

    def identities(self) -> Identities: ...


class UserStore(Protocol):
    """`store/identity.py`: people with passwords. Raises NotFound for an id that is not there."""

    def user_named(self, username: str) -> User | None: ...

    def add_user(self, user: User, *, first: bool = False) -> User:
        """The user with an id. Raises Conflict when the name is taken, or when the user should be
        the `first` and is not.
        """
        ...

    def change_user(self, user_id: int, change: Callable[[User], User]) -> User:
        """`change` may raise to leave all as it is. Raises Conflict when the name is taken."""
        ...

    def remove_user(self, user_id: int) -> None:
        """Keys and sessions of the user go, too."""
        ...


class KeyStore(Protocol):
    """`store/identity.py`: API keys. Raises NotFound for an id that is not there."""

    def add_key(self, key: ApiKey) -> ApiKey:
        """The key with an id."""
        ...

    def change_key(self, key_id: int, change: Callable[[ApiKey], ApiKey]) -> ApiKey:
        """`change` may raise to leave all as it is."""
        ...

    def remove_key(self, key_id: int) -> None: ...


class SessionStore(Protocol):
    """`store/identity.py`: refresh tokens, by their SHA-256 in hex."""

    def keep_session(self, digest: str, user_id: int, expires_s: float, now_s: float) -> None: ...

    def use_session(self, digest: str, now_s: float) -> int | None:
        """The user's id at the first use; None for one that is unknown or over.

        A second use means that somebody else has it: all sessions of the user end, the access
        tokens among them.
        """
        ...

    def end_session(self, digest: str) -> None: ...

    def end_sessions(self, user_id: int) -> None: ...


class AuditStore(Protocol):
    """`store/audit.py`: what was done by whom; bounded."""

    def record(self, entry: AuditEntry) -> None: ...

    def attempt(self, entry: AuditEntry, judge: Callable[[Guesses], None]) -> int:
        """Record an attempt as failed and return its id, unless `judge` raises for those before.

        Judging and recording are one step, so that attempts at once are counted one by one.
        """
        ...

    def settle(self, entry_id: int, principal: str, outcome: str) -> None:
        """Say how an attempt ended."""
        ...

    def search(self, query: AuditQuery) -> tuple[AuditEntry, ...]: ...


class UsageStore(Protocol):
    """`store/usage.py`: the ledger."""

    def add(self, counts: Mapping[UsageKey, UsageCount]) -> None: ...

    def lines(self, query: UsageQuery) -> tuple[tuple[UsageKey, UsageCount], ...]: ...

    def tokens(self, month: str, principals: Iterable[str]) -> dict[str, int]:
        """Tokens in and out of each of these callers in a month (`2026-11`); none: left out."""
        ...


class Changes(Protocol):
    """`store/watch.py`: learn that any process changed the store."""

    def stamp(self) -> int:
        """A number that differs after any committed change by any process; costs microseconds."""
        ...


class SupervisorLink(Protocol):
    """`worker/link.py`: the worker's only way to the supervisor."""

    def report(self, report: NodeReport) -> Assignment:
        """Post all observed, get all assigned. Raises NotReady when it cannot be reached."""
        ...

    def watch(self, revision: int, wait_s: float) -> Assignment:
        """Return as soon as the assigned revision differs from `revision`, at the latest after
        `wait_s`. Raises NotReady when the supervisor cannot be reached.
        """
        ...
