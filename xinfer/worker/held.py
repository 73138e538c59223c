"""What of this machine's memory is in use and was asked for by none of the node's replicas.

Used in all, less what the processes of the replicas have: both read at one moment, again and again.
The least of the last moments counts, since a process that is about to load or to end tells nothing
about what is free for long.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from xinfer.domain.node import Device, Machine

_WINDOW_S = 15.0
_EVERY_S = 3.0
_STEP_BYTES = 128 * 2**20
"""Less of a change is none, so that what is said of it does not change at every turn."""

Users = Sequence[Mapping[int, int | None]]
"""By accelerator the processes on it, as process ids of this machine, and their bytes (None = the
driver does not tell)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The processes of one replica that asks for memory: all that descend from `shim_pid`.

    `devices` are the accelerators that it asks for the memory of; none: main memory.
    """

    shim_pid: int
    devices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sample:
    at_s: float
    main: int
    devices: tuple[int, ...]


class Held:
    """Adds to a machine what others hold. `weigh` gives the bytes that processes have."""

    def __init__(
        self,
        *,
        weigh: Callable[[Sequence[int]], int] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._weigh = weigh or unreclaimable
        self._clock = clock
        self._samples: deque[_Sample] = deque()
        self._said: _Sample | None = None

    def add(self, machine: Machine, groups: Iterable[Group], users: Callable[[], Users]) -> Machine:
        """The machine with what is held; `users()` asks the driver who is on the accelerators."""
        now_s = self._clock()
        if not self._samples or now_s - self._samples[-1].at_s >= _EVERY_S:
            self._look(now_s, machine, tuple(groups), users)
        return self.known(machine)

    def known(self, machine: Machine) -> Machine:
        """The machine with what was last found to be held; nothing is, before anybody looked."""
        said = self._said
        if said is None or len(said.devices) != len(machine.devices):
            return machine
        devices = zip(machine.devices, said.devices, strict=True)
        return replace(
            machine,
            memory_held_bytes=said.main,
            devices=tuple(replace(one, held_bytes=held) for one, held in devices),
        )

    def _look(
        self,
        now_s: float,
        machine: Machine,
        groups: tuple[Group, ...],
        ask: Callable[[], Users],
    ) -> None:
        if self._said is not None and len(self._said.devices) != len(machine.devices):
            self._said = None
            self._samples.clear()
        trees = _trees(group.shim_pid for group in groups)
        there = ask() if machine.devices else ()
        main = machine.memory_total_bytes - machine.memory_available_bytes
        main -= sum(self._weigh(trees[one.shim_pid]) for one in groups if not one.devices)
        devices = tuple(
            self._on_device(
                device, [one for one in groups if device.index in one.devices], trees, users
            )
            for device, users in zip(machine.devices, there, strict=False)
        )
        # What the driver does not list is not held against anybody.
        devices += (0,) * (len(machine.devices) - len(devices))
        self._samples.append(_Sample(now_s, max(0, main), devices))
        while now_s - self._samples[0].at_s > _WINDOW_S:
            self._samples.popleft()
        self._said = self._least(now_s)

    def _on_device(
        self,
        device: Device,
        groups: Sequence[Group],
        trees: Mapping[int, Sequence[int]],
        users: Mapping[int, int | None],
    ) -> int:
        """0 where a replica is on it of which the driver does not tell what it has."""
        if device.kind == "metal":
            # It has no memory but the machine's.
            return max(
                0, device.used_bytes - sum(self._weigh(trees[one.shim_pid]) for one in groups)
            )
        ours = 0
        for group in groups:
            told = [users[pid] for pid in trees[group.shim_pid] if users.get(pid) is not None]
            if not told:
                return 0
            ours += sum(each for each in told if each is not None)
        return max(0, device.used_bytes - ours)

    def _least(self, now_s: float) -> _Sample:
        main = min(sample.main for sample in self._samples)
        columns = zip(*(sample.devices for sample in self._samples), strict=True)
        devices = tuple(min(column) for column in columns)
        before = self._said
        if before is None:
            return _Sample(now_s, main, devices)
        return _Sample(
            now_s,
            _steady(before.main, main),
            tuple(_steady(*pair) for pair in zip(before.devices, devices, strict=True)),
        )


def _steady(before: int, now: int) -> int:
    return before if abs(now - before) < _STEP_BYTES else now


def _trees(roots: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """By root, all that descend from it; the system is asked once for all."""
    wanted = tuple(roots)
    if not wanted:
        return {}
    children: dict[int, list[int]] = {}
    for process in psutil.process_iter(["pid", "ppid"]):
        children.setdefault(process.info["ppid"], []).append(process.pid)
    found = {}
    for root in wanted:
        tree = list(children.get(root, ()))
        for pid in tree:
            tree += children.get(pid, ())
        found[root] = tuple(tree)
    return found


def unreclaimable(pids: Sequence[int], proc: Path = Path("/proc")) -> int:
    """Bytes of memory that processes have and the kernel could not take back: what they map from
    files it can, and does not count as used.

    What they share counts once: where there are several the kernel is asked for their parts of it,
    which takes it a while. Processes that are gone, or may not be looked at, count nothing.
    """
    if not (proc / "self" / "status").exists():
        return sum(_resident(pid) for pid in pids)
    if len(pids) == 1:
        return _sum(proc / str(pids[0]) / "status", "RssAnon:", "RssShmem:")
    return sum(
        _sum(proc / str(pid) / "smaps_rollup", "Pss_Anon:", "Pss_Shmem:")
        or _sum(proc / str(pid) / "status", "RssAnon:", "RssShmem:")
        for pid in pids
    )


def _sum(table: Path, *names: str) -> int:
    total = 0
    with suppress(OSError, ValueError, IndexError):
        for line in table.read_text(encoding="utf-8", errors="replace").splitlines():
            words = line.split()
            if words and words[0] in names:
                total += int(words[1]) * 1024
    return total


def _resident(pid: int) -> int:
    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0
