"""What others hold of the machine's memory: real processes, and a driver that is made up."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from xinfer.domain.node import Device, Machine
from xinfer.worker.devices import Devices
from xinfer.worker.held import Group, Held, Users, unreclaimable

GIB, MIB = 2**30, 2**20
SHIM = """\
import subprocess, sys
engine = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE)
engine.wait()
"""
ENGINE = """\
import mmap, sys
own = bytearray({size})
own[::4096] = b"x" * len(own[::4096])
file = open({path!r}, "rb")
mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
sum(mapped[::4096])
print("there", flush=True)
sys.stdin.read()
"""


def machine(used: int, *on_devices: int) -> Machine:
    devices = tuple(
        Device(index=index, name="gpu", kind="cuda", total_bytes=80 * GIB, used_bytes=size * GIB)
        for index, size in enumerate(on_devices)
    )
    return Machine(
        cores=1,
        memory_total_bytes=16 * GIB,
        memory_available_bytes=(16 - used) * GIB,
        system="linux-x86_64",
        devices=devices,
    )


@dataclass
class Bench:
    """A measurement with a clock and weights that a test sets."""

    now: float = 100.0
    ours: int = 0
    users: Users = ()

    def __post_init__(self) -> None:
        self.held = Held(weigh=lambda _pids: self.ours * GIB, clock=lambda: self.now)

    def main(self, used: int, *groups: Group) -> int:
        self.now += 3
        return self.held.add(machine(used), groups, lambda: self.users).memory_held_bytes // GIB

    def devices(self, used: tuple[int, ...], *groups: Group) -> list[int]:
        self.now += 3
        found = self.held.add(machine(0, *used), groups, lambda: self.users)
        return [device.held_bytes // GIB for device in found.devices]


@contextmanager
def started() -> Iterator[int]:
    """The pid of a process with one child."""
    with subprocess.Popen(
        [sys.executable, "-c", SHIM, "import sys; print('there', flush=True); sys.stdin.read()"],
        stdout=subprocess.PIPE,
    ) as shim:
        assert shim.stdout is not None
        assert shim.stdout.readline() == b"there\n"
        try:
            yield shim.pid
        finally:
            for pid in (*children(shim.pid), shim.pid):
                subprocess.run(["kill", "-9", str(pid)], check=False)


def children(pid: int) -> list[int]:
    return [each.pid for each in psutil.Process(pid).children(recursive=True)]


def test_what_replicas_have_is_not_held_and_it_is_never_negative() -> None:
    bench = Bench()
    assert bench.main(5) == 5
    ours = Group(shim_pid=1)
    bench = Bench(ours=3)
    assert bench.main(5, ours) == 2
    # One on accelerators asks for their memory, so what it has of the machine's is not asked for.
    assert Bench(ours=3).main(5, Group(shim_pid=1, devices=(0,))) == 5
    assert Bench(ours=9).main(5, ours) == 0


def test_the_least_of_the_last_moments_counts() -> None:
    bench = Bench()
    assert [bench.main(used) for used in (2, 9, 9)] == [2, 2, 2], "it may be on its way"
    assert [bench.main(9) for _ in range(4)] == [2, 2, 2, 9], "it stays"
    assert bench.main(3) == 3, "what is free again is free at once"


def test_small_changes_are_none() -> None:
    bench = Bench()
    first = bench.held.add(machine(4), (), tuple)
    for grown in (100, 127, 200):
        bench.now += 20
        there = replace(machine(4), memory_available_bytes=12 * GIB - grown * MIB)
        seen = bench.held.add(there, (), tuple).memory_held_bytes - first.memory_held_bytes
        assert seen == (200 * MIB if grown == 200 else 0)


def test_on_accelerators_the_driver_tells_who_has_what() -> None:
    with started() as shim:
        (engine,) = children(shim)
        ours = Group(shim_pid=shim, devices=(1,))
        told: list[Mapping[int, int | None]] = [{1: 3 * GIB}, {engine: 20 * GIB, 1: 5 * GIB}]
        assert Bench(users=told).devices((3, 25), ours) == [3, 5]
        # It does not tell: only an accelerator that is not ours is known to be held by others.
        for told in ([{1: None}, {engine: None}], [{}, {}]):
            assert Bench(users=told).devices((3, 25), ours) == [3, 0]
        assert Bench(users=()).devices((3, 25), ours) == [0, 0]


def test_what_a_process_maps_from_files_is_not_counted(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(b"w" * 200 * MIB)
    engine = ENGINE.format(size=100 * MIB, path=str(weights))
    with subprocess.Popen(
        [sys.executable, "-c", engine], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        for pids in ([process.pid], [process.pid, process.pid]):
            size = unreclaimable(pids) // len(pids)
            assert 100 * MIB < size < 150 * MIB
        assert unreclaimable([2**22 + 1]) == 0


def test_this_machine_is_measured() -> None:
    devices = Devices()
    found = Held().add(devices.machine(), (), devices.users)
    assert 0 < found.memory_held_bytes < found.memory_total_bytes


@pytest.mark.parametrize("lost", [False, True])
def test_who_is_on_a_board_is_asked_of_the_driver(
    monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    class Driver(types.ModuleType):
        class NVMLError(Exception):
            pass

        def nvmlInit(self) -> None:  # noqa: N802 - NVML's spelling
            return

        def nvmlDeviceGetCount(self) -> int:  # noqa: N802
            return 2

        def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
            return index

        def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[object]:  # noqa: N802
            return [types.SimpleNamespace(pid=7 + handle, usedGpuMemory=5)]

        def nvmlDeviceGetGraphicsRunningProcesses(self, handle: int) -> list[object]:  # noqa: N802
            if lost:
                raise self.NVMLError
            return [types.SimpleNamespace(pid=9, usedGpuMemory=None)]

    monkeypatch.setitem(sys.modules, "pynvml", Driver("pynvml"))
    screen = {} if lost else {9: None}
    assert Devices().users() == ({7: 5, **screen}, {8: 5, **screen})
