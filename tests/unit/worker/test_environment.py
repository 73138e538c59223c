"""What the node asks of its environments, and a launch that waits for one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.process.worker.engine import FakeEngines
from tests.unit.engines.launches import GIB, MACHINE, WITH_GPUS
from xinfer.domain.cluster import EngineSettings, Settings
from xinfer.domain.home import Home
from xinfer.domain.memory import Room
from xinfer.domain.model import ModelSpec
from xinfer.domain.node import Device, Machine
from xinfer.domain.replica import Phase
from xinfer.domain.state import AssignedReplica
from xinfer.errors import Conflict, LaunchFailed
from xinfer.worker.environment import accelerator, offered
from xinfer.worker.fetch import Fetches
from xinfer.worker.journal import Folder
from xinfer.worker.kit import Kit
from xinfer.worker.preparation import Preparation


class Builds:
    """Environments whose build goes on until `go` is set, then ends as told."""

    def __init__(self, error: LaunchFailed | None = None) -> None:
        self.go = threading.Event()
        self.asked: list[tuple[str, str, str]] = []
        self._error = error

    def interpreter(
        self, engine: str, env: str, accelerator: str, progress: Callable[[float, str], None]
    ) -> str:
        self.asked.append((engine, env, accelerator))
        while not self.go.wait(0.01):
            progress(0.4, "downloading torch")
        if self._error is not None:
            raise self._error
        return "/envs/python"

    def missing(self, env_by_engine: Mapping[str, str]) -> Mapping[str, str]:
        return {name: env for name, env in env_by_engine.items() if env != "current"}


def test_an_engine_is_built_for_the_devices_that_its_replica_was_given() -> None:
    metal = Device(index=0, name="M4", kind="metal", total_bytes=GIB, used_bytes=0)
    apple = Machine(
        cores=8,
        memory_total_bytes=GIB,
        memory_available_bytes=GIB,
        system="Darwin",
        devices=(metal,),
    )
    assert accelerator(MACHINE, ()) == "cpu"
    assert accelerator(WITH_GPUS, (1,)) == "cuda"
    assert accelerator(WITH_GPUS, ()) == "cpu"
    assert accelerator(apple, (0,)) == "metal"


def test_the_machine_says_which_engines_are_missing() -> None:
    settings = {"echo": EngineSettings(env="/no/python")}
    machine = offered(MACHINE, FakeEngines(), settings, Builds())
    assert machine.missing == {"echo": "/no/python"}


def prepare(folder: Path, builds: Builds, awake: threading.Event) -> Preparation:
    spec = ModelSpec(uid="one", engine="fake")
    place = Folder(folder / "one-rep0")
    place.make()
    kit = Kit(
        home=Home(folder),
        settings=Settings(home=folder, engines={"fake": EngineSettings(env="managed")}),
        engines=FakeEngines(),
        environments=builds,
        fetches=Fetches({}),
        machine=lambda: WITH_GPUS,
        room=lambda _: Room(machine=WITH_GPUS),
        wake=awake.set,
    )
    given = AssignedReplica(uid="one", index=0, node="local", spec=spec, devices=(0,))
    return Preparation(given, place, kit)


def ended(preparation: Preparation, awake: threading.Event) -> None:
    while not preparation.done:
        assert awake.wait(60)
        awake.clear()


def test_a_launch_shows_the_build_and_runs_in_what_was_built(tmp_path: Path) -> None:
    builds, awake = Builds(), threading.Event()
    preparation = prepare(tmp_path, builds, awake)
    while preparation.detail != "downloading torch":
        assert not preparation.done
    assert preparation.progress == 0.4
    builds.go.set()
    ended(preparation, awake)
    assert preparation.order().argv[0] == "/envs/python"
    assert [mark.phase for mark in preparation.marks] == [Phase.ENVIRONMENT]
    assert builds.asked == [("fake", "managed", "cuda")]


def test_a_cancelled_launch_ends_the_build(tmp_path: Path) -> None:
    awake = threading.Event()
    preparation = prepare(tmp_path, Builds(), awake)
    preparation.cancel()
    ended(preparation, awake)
    with pytest.raises(Conflict, match="cancelled"):
        preparation.order()


def test_why_there_is_no_environment_is_why_there_is_no_order(tmp_path: Path) -> None:
    failed = LaunchFailed("It cannot.", phase="environment", cause="no module named fake")
    builds, awake = Builds(failed), threading.Event()
    builds.go.set()
    preparation = prepare(tmp_path, builds, awake)
    ended(preparation, awake)
    with pytest.raises(LaunchFailed) as caught:
        preparation.order()
    assert caught.value.cause == "no module named fake"
