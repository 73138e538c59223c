"""What the control group of this process allows: memory and processor time. Linux, v1 and v2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_UNLIMITED = 1 << 60
"""cgroup v1 says "no limit" by a number near 2**63."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Bytes of memory allowed and still free within them, and processors' worth of time; None =
    no limit.
    """

    memory_bytes: int | None = None
    memory_free_bytes: int | None = None
    processors: float | None = None


def allowance(root: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc/self")) -> Allowance:
    """The tightest limits of our group and the groups above it. `root` and `proc` are for tests."""
    memory: int | None = None
    free: int | None = None
    processors: float | None = None
    for folder in _folders(root, proc):
        limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
        if limit is not None and limit < _UNLIMITED:
            memory = limit if memory is None else min(memory, limit)
            left = max(0, limit - _used(folder))
            free = left if free is None else min(free, left)
        quota = _quota(folder)
        if quota is not None:
            processors = quota if processors is None else min(processors, quota)
    return Allowance(memory_bytes=memory, memory_free_bytes=free, processors=processors)


def _folders(root: Path, proc: Path) -> Iterator[Path]:
    """Every folder that may limit us: our groups and all above, per hierarchy.

    In a container the group's own path often is not visible; the mount's root is it then.
    """
    try:
        lines = (proc / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, group = line.split(":", 2)
        names = controllers.split(",")
        if number == "0":
            mount = root
        elif "memory" in names or "cpu" in names:
            mount = root / (controllers if (root / controllers).is_dir() else _short(names))
        else:
            continue
        path = PurePosixPath(group.lstrip("/"))
        for place in (path, *path.parents):
            yield mount / place


def _short(names: list[str]) -> str:
    return "memory" if "memory" in names else "cpu"


def _used(folder: Path) -> int:
    """Bytes in use that the kernel could not simply drop (page cache it can, weights that are
    mapped from files among it).
    """
    used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes") or 0
    words = [line.split() for line in _text(folder / "memory.stat").splitlines()]
    stat = {each[0]: int(each[1]) for each in words if len(each) == 2 and each[1].isdigit()}
    # Version 1 has figures of the group alone, too; those with `total_` are of all below it.
    prefix = "total_" if "total_inactive_file" in stat else ""
    cache = sum(stat.get(f"{prefix}{name}", 0) for name in ("inactive_file", "active_file"))
    return max(0, used - cache)


def _quota(folder: Path) -> float | None:
    words = _text(folder / "cpu.max").split()
    if len(words) == 2 and words[0].isdigit():
        return int(words[0]) / int(words[1])
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return quota / period if quota and period and quota > 0 else None


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.lstrip("-").isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
