"""The node's loop: makes what runs on this machine match what is assigned to it.

Each turn reads everything anew and compares; events only make a turn come sooner. Ending the node
ends no replica: the next worker adopts them.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import xinfer
from xinfer.control.loop import Loop
from xinfer.domain.cluster import Settings
from xinfer.domain.download import Download
from xinfer.domain.home import Home
from xinfer.domain.memory import Room
from xinfer.domain.model import Hub, Source
from xinfer.domain.node import Machine, NodeReport, Reach
from xinfer.domain.ports import Engines, Environments, SupervisorLink
from xinfer.domain.ports import Hub as HubPort
from xinfer.domain.replica import Phase, ReplicaStatus
from xinfer.domain.secrets import replica_secret
from xinfer.domain.state import AssignedReplica
from xinfer.worker.assignments import Assignments
from xinfer.worker.devices import Devices
from xinfer.worker.dialogue import Dialogue
from xinfer.worker.downloads import Downloads, launching
from xinfer.worker.environment import offered
from xinfer.worker.fetch import Fetches
from xinfer.worker.held import Group, Held
from xinfer.worker.journal import Folder, Journal, kept_assignment
from xinfer.worker.kit import Kit
from xinfer.worker.lease import NodeLease
from xinfer.worker.replica import Replica

log = logging.getLogger("xinfer.worker")

_BUSY_S = 0.1
_CALM_S = 0.3
"""Between turns while something is on its way, and while all is well."""

_SETTLE_S = 5.0
"""How long a new worker waits for the supervisor before it starts, from memory, what is missing."""


class Node:
    """One machine's replicas.

    `address` is where this worker's own API is reached, `host` the address engines listen on,
    `door_host` the one at which other hosts find replicas (None = they do not),
    `patience_s` how long `start` waits for another worker of the same home to end.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        home: Home,
        engines: Engines,
        environments: Environments,
        hubs: Mapping[Hub, HubPort],
        link: SupervisorLink,
        address: str,
        host: str = "127.0.0.1",
        door_host: str | None = None,
        patience_s: float = 20.0,
    ) -> None:
        self._settings = settings
        self._address = address
        self._loop = Loop(self.turn, name="node", interval_s=_CALM_S)
        self._journal = Journal(home)
        self._lease = NodeLease(home, patience_s=patience_s)
        self._devices, self._held = Devices(), Held()
        self._assignments = Assignments(kept_assignment(home))
        fetches = Fetches(hubs)
        self.downloads = Downloads(fetches, home.downloads)
        self._kit = Kit(
            home=home,
            settings=settings,
            engines=engines,
            environments=environments,
            fetches=fetches,
            machine=self._devices.machine,
            room=self._room,
            wake=self._loop.wake,
            host=host,
            door_host=door_host,
            secret=partial(_secret, home),
        )
        self._dialogue = Dialogue(
            link,
            self._assignments,
            report=self.report,
            wake=self._loop.wake,
            interval_s=settings.cluster.report_interval_s,
        )
        self._replicas: dict[str, Replica] = {}
        self._acted_on = 0
        self._reported: tuple[ReplicaStatus, ...] = ()
        self._incarnation = uuid.uuid4().hex
        self._sequence = itertools.count(1)
        self._started = 0.0

    def start(self) -> None:
        """Take the node folder, adopt what runs in it, then turn until `stop`.

        Raises Conflict when another worker has the folder.
        """
        self._lease.take()
        self._started = time.monotonic()
        for folder in self._journal.folders():
            adopted = Replica.adopt(folder, self._kit)
            if adopted is not None:
                self._replicas[folder.replica_id] = adopted
        threading.Thread(target=self._loop.run, name="node loop", daemon=True).start()
        self._dialogue.start()
        self.downloads.start()

    def stop(self) -> None:
        """End the worker's part; replicas go on and wait for the next worker."""
        self._dialogue.stop()
        self._loop.stop()
        self._lease.release()

    def folder(self, replica_id: str) -> Folder | None:
        """The folder of a replica that is here, for its log."""
        folder = self._journal.folder(replica_id)
        known = replica_id in self._replicas and folder.path.is_dir()
        return folder if known else None

    def statuses(self) -> tuple[ReplicaStatus, ...]:
        """Every replica of this node as it is now, by id."""
        replicas = sorted(self._replicas.items())
        return tuple(replica.status() for _, replica in replicas)

    def sources(self) -> tuple[Source, ...]:
        """Where the files of all assigned models and running downloads come from: these stay."""
        specs = [*(each.spec for each in self._assigned()), *self.downloads.running()]
        return tuple(spec.source for spec in specs if spec.source is not None)

    def fetching(self) -> tuple[Download, ...]:
        """Every download, and one for each model whose replicas here wait for their files."""
        waiting = {status.uid for status in self.statuses() if status.phase is Phase.DOWNLOADING}
        specs = {each.uid: each.spec for each in self._assigned() if each.uid in waiting}
        return (*self.downloads.all(), *launching(specs.values(), self._kit.fetches))

    def _assigned(self) -> tuple[AssignedReplica, ...]:
        assignment = self._assignments.current
        return tuple(assignment.replicas) if assignment is not None else ()

    def report(self) -> NodeReport:
        """All that is reported to the supervisor."""
        cluster = self._settings.cluster
        # Read before the statuses: these may be newer than what it says, never older.
        acted_on = self._acted_on if self._assignments.heard else 0
        return NodeReport(
            node=cluster.node,
            incarnation=self._incarnation,
            sequence=next(self._sequence),
            version=xinfer.__version__,
            address=self._address,
            machine=self._offered(),
            assignment=acted_on,
            labels=cluster.labels,
            replicas=self.statuses(),
            reach=Reach(cluster.reach),
        )

    def _offered(self) -> Machine:
        kit = self._kit
        machine = self._held.add(kit.machine(), self._groups(), self._devices.users)
        return offered(machine, kit.engines, kit.settings.engines, kit.environments)

    def _room(self, replica: AssignedReplica) -> Room:
        others = (one for one in self._assigned() if one.replica_id != replica.replica_id)
        return Room(machine=self._held.known(self._devices.machine()), taken=tuple(others))

    def _groups(self) -> tuple[Group, ...]:
        """The processes of the replicas that ask for memory, and those of which nobody knows."""
        assigned = {each.replica_id: each for each in self._assigned()}
        found = []
        for replica_id, replica in sorted(self._replicas.items()):
            group, wanted = replica.group(), assigned.get(replica_id)
            if group is not None and (wanted is None or wanted.spec.memory_bytes):
                found.append(group)
        return tuple(found)

    def turn(self) -> float:
        """One comparison of assigned and running; returns the seconds to the next.

        Before anything was ever assigned it does nothing, not even stop what runs.
        """
        assignment = self._assignments.current
        if assignment is None:
            return _CALM_S
        wanted = {replica.replica_id: replica for replica in assignment.replicas}
        for replica_id in wanted:
            if replica_id not in self._replicas and self._may_start():
                folder = self._journal.folder(replica_id)
                self._replicas[replica_id] = Replica.assign(folder, self._kit, wanted[replica_id])
        for replica_id, replica in list(self._replicas.items()):
            self._turn_one(replica_id, replica, wanted.get(replica_id))
        self._clean(wanted)
        self._tell_changes(assignment.revision)
        calm = all(status.phase is Phase.READY for status in self._reported)
        return _CALM_S if calm else _BUSY_S

    def _turn_one(self, replica_id: str, replica: Replica, wanted: AssignedReplica | None) -> None:
        try:
            replica.step(wanted)
        except Exception:
            # One replica's trouble must not stop the others.
            log.exception("The turn of %s failed.", replica_id)

    def _may_start(self) -> bool:
        """A new worker first listens: the kept assignment may be of another day."""
        waited_s = time.monotonic() - self._started
        return self._assignments.heard or waited_s > _SETTLE_S

    def _clean(self, wanted: Mapping[str, AssignedReplica]) -> None:
        """Forget replicas that are gone for good, with their folders."""
        for replica_id, replica in list(self._replicas.items()):
            if replica.gone and replica_id not in wanted:
                del self._replicas[replica_id]
        if self._assignments.heard:
            for folder in self._journal.folders():
                known = folder.replica_id in self._replicas or folder.replica_id in wanted
                if not known and not folder.is_live():
                    folder.remove()

    def _tell_changes(self, revision: int) -> None:
        statuses = tuple(_essence(status) for status in self.statuses())
        if (statuses, revision) != (self._reported, self._acted_on):
            self._reported, self._acted_on = statuses, revision
            self._dialogue.notify()


def _essence(status: ReplicaStatus) -> ReplicaStatus:
    """A status without what changes all the time and can wait for the next regular report."""
    coarse = round(status.progress, 1)
    detail = status.detail if status.phase is Phase.DRAINING else ""
    return replace(status, memory_bytes=None, progress=coarse, detail=detail, files=(), gauges={})


def _secret(home: Home, replica_id: str) -> str:
    """What opens the door of a replica; the token is read anew, so that a new one counts."""
    return replica_secret(home.cluster_token.read_text(encoding="utf-8").strip(), replica_id)
