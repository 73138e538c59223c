"""What the machine and its control groups allow, read from made-up trees."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tomllib
import types
from dataclasses import replace
from pathlib import Path

import pytest

from xinfer.domain.node import Device
from xinfer.worker.cgroup import Allowance, allowance
from xinfer.worker.connections import established
from xinfer.worker.devices import Devices, Load, cores

MIB = 2**20


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_version_2_takes_the_tightest_of_the_group_and_those_above(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/cgroup": "0::/pod/app\n",
            "fs/pod/app/memory.max": "max\n",
            "fs/pod/app/cpu.max": "150000 100000\n",
            "fs/pod/memory.max": f"{100 * MIB}\n",
            "fs/pod/memory.current": f"{60 * MIB}\n",
            "fs/pod/memory.stat": f"anon 1\ninactive_file {7 * MIB}\nactive_file {3 * MIB}\n",
            "fs/pod/cpu.max": "max 100000\n",
        },
    )
    assert allowance(tmp_path / "fs", tmp_path / "proc") == Allowance(
        memory_bytes=100 * MIB, memory_free_bytes=50 * MIB, processors=1.5
    )


def test_version_1_in_a_container_that_sees_only_its_own_root(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/cgroup": "4:memory:/docker/ab\n3:cpu,cpuacct:/docker/ab\n0::/\n",
            "fs/memory/memory.limit_in_bytes": f"{64 * MIB}\n",
            "fs/memory/memory.usage_in_bytes": f"{16 * MIB}\n",
            "fs/memory/memory.stat": f"active_file 5\ntotal_inactive_file {MIB}\n",
            "fs/cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
            "fs/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        },
    )
    assert allowance(tmp_path / "fs", tmp_path / "proc") == Allowance(
        memory_bytes=64 * MIB, memory_free_bytes=49 * MIB, processors=0.5
    )


def test_no_limit_is_no_limit(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/cgroup": "4:memory:/\n3:cpu:/\n",
            "fs/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "fs/cpu/cpu.cfs_quota_us": "-1\n",
            "fs/cpu/cpu.cfs_period_us": "100000\n",
        },
    )
    assert allowance(tmp_path / "fs", tmp_path / "proc") == Allowance()
    assert allowance(tmp_path / "none", tmp_path / "none") == Allowance()


def test_cores_are_at_least_one_and_within_the_quota(tmp_path: Path) -> None:
    assert cores(0.1) == 1
    assert cores(None, tmp_path) >= cores(1.0, tmp_path) == 1


def test_this_machine_is_described() -> None:
    machine = Devices().machine()
    assert machine.cores >= 1
    assert 0 < machine.memory_available_bytes <= machine.memory_total_bytes
    assert "-" in machine.system


def test_the_load_is_what_was_worked_since_the_last_asking() -> None:
    load = Load()
    assert load.measure({"user": 100.0, "guest": 50.0, "idle": 900.0, "iowait": 10.0}, 0.0) is None
    later = {"user": 103.0, "guest": 53.0, "idle": 900.5, "iowait": 10.5}
    assert load.measure(later, 0.5) is None, "too soon"
    assert load.measure(later, 2.0) == 0.75
    assert load.measure({**later, "user": 999.0}, 2.9) == 0.75, "too soon again"
    assert load.measure({**later, "idle": 904.5}, 4.0) == 0.0


class Driver(types.ModuleType):
    """The calls of NVML that are used, for one board."""

    class NVMLError(Exception):
        pass

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's spelling
        return

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:  # noqa: N802
        return f"board {index}"

    def nvmlDeviceGetName(self, handle: str) -> bytes:  # noqa: N802
        return b"NVIDIA H100"

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> types.SimpleNamespace:  # noqa: N802
        return types.SimpleNamespace(total=80, used=3)

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> types.SimpleNamespace:  # noqa: N802
        return types.SimpleNamespace(gpu=37, memory=5)


def test_boards_are_listed_when_the_driver_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver("pynvml")
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    board = Device(
        index=0, name="NVIDIA H100", kind="cuda", total_bytes=80, used_bytes=3, load=0.37
    )
    devices = Devices()
    assert devices.machine().devices == (board,)

    def lost(self: Driver, handle: str) -> None:
        raise Driver.NVMLError

    monkeypatch.setattr(Driver, "nvmlDeviceGetUtilizationRates", lost)
    assert devices.machine().devices == (replace(board, load=None),)
    monkeypatch.setattr(Driver, "nvmlDeviceGetMemoryInfo", lost)
    assert devices.machine().devices == ()


def test_the_binding_that_finds_boards_is_always_installed() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))
    names = [re.match(r"[\w-]+", each) for each in project["project"]["dependencies"]]
    base = {name[0] for name in names if name is not None}
    assert base & set(importlib.metadata.packages_distributions()["pynvml"])


TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0100007F:C001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 3
   3: 0100007F:1F90 0100007F:C002 06 00000000:00000000 00:00000000 00000000     0        0 4
"""


def test_only_established_connections_to_the_port_count(tmp_path: Path) -> None:
    write(tmp_path, {"tcp": TABLE, "tcp6": TABLE})
    assert established(0x1F90, 1, tmp_path) == 2
    assert established(0x1F91, 1, tmp_path) == 0
