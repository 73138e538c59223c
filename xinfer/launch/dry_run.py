"""What `xinfer-up` would do, without doing it: placement, memory and files on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import xinfer
from xinfer.domain.engine import Files
from xinfer.domain.fleet import Policy
from xinfer.domain.memory import gib
from xinfer.domain.model import ModelSpec
from xinfer.domain.node import Machine, NodeReport, NodeState
from xinfer.domain.plan import plan
from xinfer.domain.ports import Engine, FetchPlan
from xinfer.domain.state import Assigned, Desired, Observed
from xinfer.engines.llama_cpp import LlamaCpp
from xinfer.engines.registry import Registry
from xinfer.errors import Invalid
from xinfer.launch.declaration import Declaration
from xinfer.launch.sources import hubs
from xinfer.worker.devices import Devices


def report(given: Declaration) -> str:
    """The plan as text, for a cluster that is this machine alone.

    Raises Invalid for what no start could mend, as the start itself would.
    """
    return "\n".join(_lines(given))


def _lines(given: Declaration) -> Iterator[str]:
    machine, cluster = Devices().machine(), given.settings.cluster
    workers = given.settings.gateway.workers
    yield f"supervisor   http://{cluster.host}:{cluster.port}, {workers} gateway processes"
    yield (
        f"node {cluster.node:<8}{machine.cores} cores, {gib(machine.memory_available_bytes)} of"
        f" {gib(machine.memory_total_bytes)} memory free, {len(machine.devices)} accelerators"
    )
    for spec in given.models.values():
        yield from _model(given, spec, machine)
    planned = _plan(given, machine)
    for replica in planned.replicas:
        on = f" on accelerators {list(replica.devices)}" if replica.devices else ""
        yield f"would start  {replica.replica_id} on node {replica.node}{on}"
    for uid, refusal in planned.refusals.items():
        yield f"no room      {uid}: {refusal}"
    yield "nothing was started"


def _model(given: Declaration, spec: ModelSpec, machine: Machine) -> Iterator[str]:
    engine = Registry().get(spec.engine)
    verdict = engine.supports(spec, machine)
    if not verdict.ok:
        raise Invalid(f"models.{spec.uid}: {verdict.reason}", verdict.hint)
    yield f"model        {spec.uid}: engine {spec.engine}, {spec.replicas} replicas"
    if spec.source is None:
        return
    hub = hubs(given.home).get(spec.source.hub)
    if hub is None:
        raise Invalid(f"models.{spec.uid}.source: there is no hub '{spec.source.hub}' yet.")
    files = hub.plan(spec.source)
    what = "files here  " if files.present else "to fetch    "
    for name in files.files:
        yield f"{what} {name}"
    memory = _memory(engine, spec, files, machine)
    if memory is not None:
        yield f"memory       {gib(memory)} for each replica of {spec.uid}"


def _memory(engine: Engine, spec: ModelSpec, files: FetchPlan, machine: Machine) -> int | None:
    """Bytes per replica: as declared, or as the engine estimates from files that are here."""
    if spec.memory_bytes is not None or not files.present or not isinstance(engine, LlamaCpp):
        return spec.memory_bytes
    paths = tuple(Path(name) for name in files.files)
    return engine.estimate(spec, Files(root=paths[0].parent, paths=paths), machine)


def _plan(given: Declaration, machine: Machine) -> Assigned:
    cluster, now = given.settings.cluster, time.time()
    node = NodeReport(
        node=cluster.node,
        incarnation="dry-run",
        sequence=1,
        version=xinfer.__version__,
        address="",
        machine=machine,
        labels=cluster.labels,
    )
    observed = Observed(nodes={cluster.node: NodeState(report=node, seen_at_s=now)})
    return plan(Desired(models=given.models), Assigned(), observed, now, Policy())
