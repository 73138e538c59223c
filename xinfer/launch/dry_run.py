"""What `xinfer-up` would do, without doing it: placement, memory and files on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import xinfer
from xinfer.domain.engine import Files
from xinfer.domain.fleet import Policy
from xinfer.domain.footprint import needed_bytes
from xinfer.domain.memory import Room, gib
from xinfer.domain.model import ModelSpec
from xinfer.domain.node import Machine, NodeReport, NodeState
from xinfer.domain.plan import plan
from xinfer.domain.ports import FetchPlan
from xinfer.domain.state import Assigned, Desired, Observed
from xinfer.engines.registry import Registry
from xinfer.errors import Invalid
from xinfer.launch.declaration import Declaration
from xinfer.launch.endpoint import url_host
from xinfer.launch.sources import hubs
from xinfer.services.advice import Advice
from xinfer.services.estimates import Estimates
from xinfer.services.fit import Fit
from xinfer.worker.devices import Devices
from xinfer.worker.held import Held
from xinfer.worker.processes import running


def report(given: Declaration) -> tuple[str, bool]:
    """The plan as text, and whether all that can run on this machine alone finds room on it.

    Raises Invalid for what no start could mend, as the start itself would.
    """
    devices = Devices()
    machine = Held().add(devices.machine(), running(given.home, given.models), devices.users)
    observed = _observed(given, machine)
    weighed = _weighed(given, observed)
    planned = _plan(weighed, observed)
    lines = _lines(given, machine, weighed, planned)
    wayouts = _ways_out(given, weighed, planned, observed)
    return "\n".join((*lines, *wayouts, "nothing was started")), not planned.refusals


def _lines(
    given: Declaration, machine: Machine, weighed: Desired, planned: Assigned
) -> Iterator[str]:
    cluster, gateway = given.settings.cluster, given.settings.gateway
    scheme = "https" if gateway.tls_cert else "http"
    processes = _counted(gateway.workers, "gateway process", "gateway processes")
    if cluster.role == "worker":
        yield f"would join   {cluster.supervisor}"
    else:
        yield f"supervisor   {scheme}://{url_host(cluster.host)}:{cluster.port}, {processes}"
    if cluster.role != "supervisor":
        yield (
            f"node {cluster.node:<8}{machine.cores} cores, {gib(Room(machine=machine).free())}"
            f" of {gib(machine.memory_total_bytes)} memory free,"
            f" {_counted(len(machine.devices), 'accelerator', 'accelerators')}"
        )
    for spec in given.models.values():
        replicas = _counted(spec.replicas, "replica", "replicas")
        yield f"model        {spec.uid}: engine {spec.engine}, {replicas}"
        if spec.uid in given.here:
            yield from _files(given, spec, machine, weighed.models[spec.uid].memory_bytes)
        else:
            yield f"would wait   {spec.uid} is placed once the machines have joined"
    for replica in planned.replicas:
        on = f" on accelerators {list(replica.devices)}" if replica.devices else ""
        yield f"would start  {replica.replica_id} on node {replica.node}{on}"


def _ways_out(
    given: Declaration, weighed: Desired, planned: Assigned, observed: Observed
) -> Iterator[str]:
    """What finds no room, and what of the same families would."""
    if not planned.refusals:
        return
    advice = Advice(given.families(), Fit(Registry()))
    for uid, refusal in planned.refusals.items():
        yield f"no room      {uid}: {refusal}"
        instead = advice.instead(weighed.models[uid], weighed, Assigned(), observed)
        if instead:
            yield f"             {instead}"


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _files(
    given: Declaration, spec: ModelSpec, machine: Machine, estimate: int | None
) -> Iterator[str]:
    if spec.source is None:
        return
    hub = hubs(given.home).get(spec.source.hub)
    if hub is None:
        raise Invalid(f"models.{spec.uid}.source: there is no hub '{spec.source.hub}' yet.")
    files = hub.plan(spec.source)
    what = "files here  " if files.present else "to fetch    "
    for name in files.files:
        yield f"{what} {name}"
    memory = estimate if estimate is not None else _memory(spec, files, machine)
    if memory is not None:
        yield f"memory       {gib(memory)} for each replica of {spec.uid}"


def _memory(spec: ModelSpec, files: FetchPlan, machine: Machine) -> int | None:
    """Bytes per replica by the files of a hub that are here already; None = not known."""
    traits = Registry().get(spec.engine).traits
    if traits.weigh is None or not files.present:
        return None
    paths = tuple(Path(name) for name in files.files)
    model = traits.weigh(spec, Files(root=paths[0].parent, paths=paths))
    return needed_bytes(model, spec, traits.habits, machine)


def _observed(given: Declaration, machine: Machine) -> Observed:
    """This machine as the only one that reports."""
    cluster = given.settings.cluster
    node = NodeReport(
        node=cluster.node,
        incarnation="dry-run",
        sequence=1,
        version=xinfer.__version__,
        address="",
        machine=machine,
        labels=cluster.labels,
    )
    return Observed(nodes={cluster.node: NodeState(report=node, seen_at_s=time.time())})


def _weighed(given: Declaration, observed: Observed) -> Desired:
    """The models of this machine, with what those of the catalog are expected to need."""
    here = {uid: spec for uid, spec in given.models.items() if uid in given.here}
    if not any(spec.source is not None for spec in here.values()):
        return Desired(models=here)
    return Estimates(given.families(), Fit(Registry()))(Desired(models=here), observed)


def _plan(desired: Desired, observed: Observed) -> Assigned:
    return plan(desired, Assigned(), observed, time.time(), Policy())
