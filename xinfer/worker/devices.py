"""What this machine offers to engines: cores, memory, accelerators, as far as we may use them."""

from __future__ import annotations

import importlib
import math
import os
import platform
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from xinfer.domain.node import Device, Machine
from xinfer.worker import cgroup

_LOAD_S = 1.0
"""A share of less time than this would say nothing."""


class Devices:
    """Describes the machine again and again; what cannot change is looked up once."""

    def __init__(self) -> None:
        self._nvml = _nvml()
        self._metal = _metal_name()
        self._load = Load()
        self._system = f"{platform.system().lower()}-{platform.machine().lower()}"

    def machine(self) -> Machine:
        """The machine as it is now. Memory and cores are limited to what our group may use."""
        memory = psutil.virtual_memory()
        allowed = cgroup.allowance()
        total = min(memory.total, allowed.memory_bytes or memory.total)
        available = memory.available
        if allowed.memory_free_bytes is not None:
            available = min(available, allowed.memory_free_bytes)
        return Machine(
            cores=cores(allowed.processors),
            memory_total_bytes=total,
            memory_available_bytes=available,
            system=self._system,
            devices=self._devices(total, available),
            load=self._load.measure(psutil.cpu_times()._asdict(), time.monotonic()),
        )

    def users(self) -> tuple[dict[int, int | None], ...]:
        """By accelerator the processes on it and their bytes; None = the driver does not tell."""
        if self._nvml is not None:
            return _nvidia_users(self._nvml)
        return ({},) if self._metal else ()

    def _devices(self, total: int, available: int) -> tuple[Device, ...]:
        if self._nvml is not None:
            return _nvidia(self._nvml)
        if self._metal:
            return (
                Device(
                    index=0,
                    name=self._metal,
                    kind="metal",
                    total_bytes=total,
                    used_bytes=max(0, total - available),
                ),
            )
        return ()


class Load:
    """The share of the processors' time that was worked, from one asking to the next."""

    def __init__(self) -> None:
        self._last: tuple[float, float, float] | None = None
        self._share: float | None = None

    def measure(self, times: Mapping[str, float], now_s: float) -> float | None:
        """0..1, or None at first. Asked again too soon it answers the same.

        `times` are the seconds that all processors together have spent, by what on.
        """
        if self._last is not None and now_s - self._last[0] < _LOAD_S:
            return self._share
        # A guest's time is part of the user's.
        whole = sum(value for name, value in times.items() if not name.startswith("guest"))
        rest = times["idle"] + times.get("iowait", 0.0)
        if self._last is not None:
            passed = whole - self._last[1]
            busy = 1.0 - (rest - self._last[2]) / passed if passed > 0 else 0.0
            self._share = round(min(1.0, max(0.0, busy)), 3)
        self._last = (now_s, whole, rest)
        return self._share


def cores(processors: float | None, topology: Path = Path("/sys/devices/system/cpu")) -> int:
    """Physical cores among those we may run on, and no more than `processors` allows; at least 1.

    Two hardware threads of one core count once: engines gain nothing from the second.
    """
    if hasattr(os, "sched_getaffinity"):
        usable = os.sched_getaffinity(0)
        siblings = {_siblings(topology, number) for number in usable}
        count = len(siblings)
    else:
        count = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if processors is not None:
        count = min(count, math.ceil(processors))
    return max(1, count)


def _siblings(topology: Path, number: int) -> str:
    try:
        path = topology / f"cpu{number}" / "topology" / "thread_siblings_list"
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return str(number)


def _nvml() -> Any:
    """The NVML binding when it is installed and finds a driver, else None."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    return nvml


def _nvidia(nvml: Any) -> tuple[Device, ...]:
    try:
        handles = [
            (index, nvml.nvmlDeviceGetHandleByIndex(index))
            for index in range(nvml.nvmlDeviceGetCount())
        ]
        return tuple(_nvidia_device(nvml, index, handle) for index, handle in handles)
    except nvml.NVMLError:
        return ()


def _nvidia_device(nvml: Any, index: int, handle: Any) -> Device:
    name = nvml.nvmlDeviceGetName(handle)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return Device(
        index=index,
        name=name.decode() if isinstance(name, bytes) else str(name),
        kind="cuda",
        total_bytes=int(memory.total),
        used_bytes=int(memory.used),
        load=_nvidia_load(nvml, handle),
    )


_USERS = ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses")


def _nvidia_users(nvml: Any) -> tuple[dict[int, int | None], ...]:
    """In some containers, and on divided boards, the driver lists nobody, or without figures."""
    found: list[dict[int, int | None]] = []
    with suppress(nvml.NVMLError):
        for index in range(nvml.nvmlDeviceGetCount()):
            found.append({})
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            for listing in _USERS:
                with suppress(nvml.NVMLError, AttributeError):
                    for one in getattr(nvml, listing)(handle):
                        found[-1][int(one.pid)] = one.usedGpuMemory
    return tuple(found)


def _nvidia_load(nvml: Any, handle: Any) -> float | None:
    """None from boards that do not tell, such as those that are divided."""
    try:
        return float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu) / 100
    except nvml.NVMLError:
        return None


def _metal_name() -> str:
    """The name of an Apple-silicon chip, whose GPU shares the machine's memory; else empty."""
    if platform.system() != "Darwin" or platform.machine() != "arm64":
        return ""
    with os.popen("sysctl -n machdep.cpu.brand_string") as reply:
        return reply.read().strip() or "Apple GPU"
