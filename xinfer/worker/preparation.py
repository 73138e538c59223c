"""From an assigned replica to an order that a shim can carry out: files, environment, command."""

from __future__ import annotations

import socket
import uuid
from dataclasses import replace

from xinfer.domain.cluster import EngineSettings
from xinfer.domain.engine import Command, Files, Launch, Traits
from xinfer.domain.footprint import needed_bytes
from xinfer.domain.model import Footprint, ModelSpec
from xinfer.domain.placement import lack
from xinfer.domain.ports import Transfer
from xinfer.domain.replica import FileProgress, Phase, PhaseMark
from xinfer.domain.state import AssignedReplica
from xinfer.errors import Conflict, NoCapacity
from xinfer.worker.environment import accelerator
from xinfer.worker.journal import Folder, Order
from xinfer.worker.kit import Kit
from xinfer.worker.task import Task


class Preparation:
    """One launch in the making; `marks`, `progress` and `detail` tell how far it is.

    `phase` is the one that a failure belongs to. `weighed` is what its files need, once they were
    read, and `no_room` why this node does not have it.
    """

    def __init__(self, assigned: AssignedReplica, folder: Folder, kit: Kit) -> None:
        self.digest = assigned.spec.digest()
        self.phase = Phase.QUEUED
        self.marks: list[PhaseMark] = []
        self.progress = 0.0
        self.detail = ""
        self.files: tuple[FileProgress, ...] = ()
        self.weighed: Footprint | None = None
        self.no_room = ""
        self._cancelled = False
        self._assigned = assigned
        self._folder = folder
        self._kit = kit
        self._task = Task(self._prepare, kit.wake, f"prepare {assigned.replica_id}")

    @property
    def done(self) -> bool:
        return self._task.done

    def order(self) -> Order:
        """Only once done. Raises what prevented it: XinferError or OSError."""
        return self._task.result()

    def _prepare(self) -> Order:
        spec = self._assigned.spec
        engine = self._kit.engines.get(spec.engine)
        files = None
        if engine.traits.needs_source and spec.source is not None:
            self._enter(Phase.DOWNLOADING)
            files = self._kit.fetches.fetch(spec.source, self)
            self._weigh(engine.traits, files)
        self._enter(Phase.ENVIRONMENT)
        launch = self._launch(files, self._interpreter())
        self.phase = Phase.STARTING
        return self._order(launch, engine.command(launch))

    def _weigh(self, traits: Traits, files: Files) -> None:
        """What is no model, or finds no room, is told before an environment is built for it.

        Who has placed it by what it needs has seen to the room already.
        """
        if traits.weigh is None:
            return
        self.phase = Phase.STARTING
        spec = self._assigned.spec
        self.weighed = traits.weigh(spec, files)
        if spec.memory_bytes is not None:
            return
        room = self._kit.room(self._assigned)
        needed = needed_bytes(self.weighed, spec, traits.habits, room.machine)
        asking = replace(self._assigned, spec=replace(spec, memory_bytes=needed))
        self.no_room = lack(asking, room)
        if self.no_room:
            raise NoCapacity(self.no_room)

    def _interpreter(self) -> str:
        spec, kit = self._assigned.spec, self._kit
        chosen = kit.settings.engines.get(spec.engine, EngineSettings())
        build = accelerator(kit.machine(), self._assigned.devices)
        return kit.environments.interpreter(spec.engine, chosen.env, build, self._build_seen)

    def _build_seen(self, share: float, text: str) -> None:
        """Take note of how far a build is. Raises Conflict, which ends it, once cancelled."""
        self.see(Transfer(share=share, text=text))
        if self._cancelled:
            raise Conflict(f"The launch of {self._assigned.replica_id} was cancelled.")

    def see(self, transfer: Transfer) -> None:
        """Take note of how far the fetch is."""
        self.progress, self.detail, self.files = transfer.share, transfer.text, transfer.files

    def cancel(self) -> None:
        """Nobody wants the replica any more: what is under way for it alone ends soon."""
        self._cancelled = True

    def cancelled(self) -> bool:
        return self._cancelled

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.marks.append(PhaseMark(phase=phase, at_s=self._kit.clock()))
        self.see(Transfer(share=0.0))
        self._kit.wake()

    def _launch(self, files: Files | None, python: str) -> Launch:
        return Launch(
            spec=self._assigned.spec,
            replica_id=self._assigned.replica_id,
            machine=self._kit.machine(),
            files=files,
            host=self._kit.host,
            port=free_port(self._kit.host),
            endpoint_file=self._folder.endpoint,
            python=python,
            devices=self._assigned.devices,
        )

    def _order(self, launch: Launch, command: Command) -> Order:
        spec, settings = launch.spec, self._kit.settings
        return Order(
            launch=uuid.uuid4().hex[:16],
            digest=self.digest,
            argv=command.argv,
            env=_environment(spec, command, launch.replica_id),
            cwd=str(self._folder.path),
            stop_grace_s=command.stop_grace_s,
            lease=str(self._kit.home.node_lease),
            orphan_grace_s=settings.cluster.orphan_grace_s,
            log_max_bytes=settings.log.engine_max_bytes,
            log_files=settings.log.engine_files,
            title=f"xinfer: shim {launch.replica_id}",
            replica_id=launch.replica_id,
            uid=spec.uid,
            index=self._assigned.index,
            host=launch.host,
            port=launch.port,
            announces=command.announces,
            ready_path=command.ready_path,
            served_model=command.served_model,
            slots=command.slots,
            context=command.context,
            gauges=command.gauges,
            whole_by_stream=command.whole_by_stream,
            launch_timeout_s=spec.launch_timeout_s,
            drain_timeout_s=spec.drain_timeout_s,
            ordered_s=self._kit.clock(),
            devices=launch.devices,
        )


def free_port(host: str) -> int:
    """A TCP port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _environment(spec: ModelSpec, command: Command, replica_id: str) -> dict[str, str]:
    # Unbuffered, so that the last words of a Python engine that is killed are in the log.
    return {
        "PYTHONUNBUFFERED": "1",
        "XINFER_REPLICA": replica_id,
        **command.env,
        **spec.env,
    }
