"""The use cases over a real store, with nodes and a planner that a test moves by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.unit.domain.clusters import node
from xinfer.control.cluster import ClusterControl
from xinfer.domain.cluster import EngineSettings
from xinfer.domain.engine import Command, Launch, Traits, Verdict
from xinfer.domain.model import ModelKind, ModelSpec
from xinfer.domain.names import did_you_mean
from xinfer.domain.node import Machine, NodeReport
from xinfer.domain.options import Option
from xinfer.domain.replica import Cause, Phase, PhaseMark, ReplicaStatus
from xinfer.domain.state import AssignedReplica
from xinfer.errors import Invalid
from xinfer.services.families import Families
from xinfer.services.fit import Fit
from xinfer.services.models import Models
from xinfer.services.recipes import Recipes
from xinfer.services.replicas import Replicas
from xinfer.services.reports import Reports
from xinfer.services.view import States
from xinfer.store.cluster_store import ClusterStore
from xinfer.store.database import Database
from xinfer.store.measurements import Measurements
from xinfer.store.registrations import Registrations
from xinfer.store.watch import Watch


@dataclass
class PaperEngine:
    """An engine on paper: it says what it needs, and runs on Linux only."""

    name: str = "paper"
    traits: Traits = field(default_factory=lambda: Traits(kinds=(ModelKind.LLM,)))
    options: tuple[Option, ...] = (
        Option(name="n_ctx", type="int", doc="Tokens.", aliases=("context_length",)),
        Option(name="threads", type="int", doc="Threads."),
    )

    def supports(self, spec: ModelSpec, machine: Machine) -> Verdict:
        if machine.system == "Linux":
            return Verdict(ok=True)
        return Verdict(ok=False, reason=f"paper does not run on {machine.system}.", hint="Use x.")

    def command(self, launch: Launch) -> Command:
        return Command(argv=("true",))


class Shelf:
    """Two engines: `paper` needs files, `free` does not."""

    def __init__(self) -> None:
        both = (ModelKind.LLM, ModelKind.EMBEDDING)
        free = PaperEngine(name="free", traits=Traits(kinds=both, needs_source=False))
        self._engines = {"paper": PaperEngine(), "free": free}

    def names(self) -> tuple[str, ...]:
        return tuple(self._engines)

    def get(self, name: str) -> PaperEngine:
        engine = self._engines.get(name.lower())
        if engine is None:
            raise Invalid(f"There is no engine '{name}'.", did_you_mean(name, self._engines))
        return engine


@dataclass
class House:
    """`wait` does not sleep: it does the next thing of `script`, as if it happened meanwhile."""

    store: ClusterStore
    measurements: Measurements
    registrations: Registrations
    now: float = 10_000.0
    script: list[Callable[[], None]] = field(default_factory=list)
    changes: int = 0
    sequence: int = 0
    context: int | None = None

    def __post_init__(self) -> None:
        self.families = Families(Shelf(), self.registrations)
        self.watch = Watch(self.store)
        self.watch.look()
        self.models = Models(
            States(desired=self.store, assigned=self.store, observed=self.store),
            Shelf(),
            families=self.families,
            fit=Fit(Shelf(), self.measurements),
            stamp=lambda: self.watch.stamp,
            wait=self.wait,
            changed=self.changed,
            settings={"paper": EngineSettings(options={"threads": 4})},
            clock=lambda: self.now,
        )
        self.replicas = Replicas(self.models)
        self.recipes = Recipes(
            self.store,
            self.changed,
            check=self.models.check,
            lack=self.models.lack,
            rests=self.models.rests,
            clock=lambda: self.now,
        )
        self.reports = Reports(
            assigned=self.store,
            observed=self.store,
            events=self.store,
            measured=self.measurements,
            stamp=lambda: self.watch.stamp,
            wait=self.wait,
            changed=self.changed,
            clock=lambda: self.now,
        )
        self.control = ClusterControl(
            "control",
            desired=self.store,
            assigned=self.store,
            observed=self.store,
            events=self.store,
            node_grace_s=60,
            clock=lambda: self.now,
        )

    def changed(self) -> None:
        self.changes += 1
        self.watch.look()

    def wait(self, _stamp: int, timeout_s: float) -> bool:
        if not self.script:
            self.now += timeout_s
            return False
        self.script.pop(0)()
        self.watch.look()
        return True

    def report(self, phase: Phase | None = Phase.READY, **more: object) -> NodeReport:
        """Node `a` reports all that it is assigned, in this phase; nothing if None."""
        self.sequence += 1
        mine = self.store.assigned().of_node("a") if phase is not None else ()
        statuses = [self.status(one, phase or Phase.READY) for one in mine]
        said = node("a", *statuses, sequence=self.sequence, **more).report  # type: ignore[arg-type]
        made = replace(said, assignment=self.store.assigned().revision)
        self.reports.report(made)
        return made

    def status(self, replica: AssignedReplica, phase: Phase) -> ReplicaStatus:
        failed = phase is Phase.FAILED
        cause = Cause(phase=Phase.LOADING, summary="weights of cheese", tail=("a", "b"))
        return ReplicaStatus(
            replica_id=replica.replica_id,
            uid=replica.uid,
            index=replica.index,
            digest=replica.spec.digest(),
            phase=phase,
            timeline=(
                PhaseMark(phase=Phase.QUEUED, at_s=100.0),
                PhaseMark(phase=Phase.LOADING, at_s=101.5),
                PhaseMark(phase=phase, at_s=104.0),
            ),
            address="127.0.0.1:4000",
            context=self.context,
            cause=cause if failed else None,
            attempt=replica.spec.attempt,
        )

    def settle(self, phase: Phase = Phase.READY) -> None:
        """The planner plans, the node gets there."""
        self.report(None)
        self.control.step()
        self.report(phase)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    database = Database(f"sqlite:///{tmp_path}/xinfer.db")
    database.migrate()
    store = ClusterStore(database, clock=lambda: 10_000.0)
    yield House(store, Measurements(database), Registrations(database))
    database.close()
