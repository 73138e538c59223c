"""What a Python interpreter has installed, learned by asking it, and whether it can be imported."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LOOK_S = 30.0
_IMPORT_S = 600.0
"""Bounds of a look at an interpreter, and of an import: some engines take a minute when cold."""

_FIND = """
import importlib.util, json, site, sys
sys.path[:1] = []
found = [name for name in sys.argv[1:] if importlib.util.find_spec(name)]
folders = [*site.getsitepackages(), site.getusersitepackages()]
print(json.dumps({"found": found, "folders": folders}))
"""
_IMPORT = """
import importlib, importlib.metadata, importlib.util, json, sys
sys.path[:1] = []
told = {"error": "", "versions": {}}
names, distributions = sys.argv[1].split("|"), sys.argv[2:]
try:
    importlib.import_module(next(filter(importlib.util.find_spec, names), names[0]))
except BaseException as error:
    told["error"] = f"{type(error).__name__}: {error}"
for name in distributions:
    try:
        told["versions"][name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
sys.stdout.flush()
print("\\n" + json.dumps(told))
sys.stdout.flush()
# Some libraries crash when they are torn down without having been used.
import os; os._exit(0)
"""


def program(path: Path) -> Path:
    """The interpreter that `path` is, or that of the environment whose folder it is."""
    return path / "bin" / "python" if path.is_dir() else path


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Whether a module could be imported: `error` is empty, or the exception in one line.

    `versions` are those of the packages that were asked for and are there.
    """

    error: str
    versions: Mapping[str, str] = field(default_factory=dict)


def imported(python: str, module: str, packages: Sequence[str] = ()) -> Imported:
    """Really import `module` in that interpreter. `a|b` means the first of them that is there."""
    try:
        done = _run([python, "-c", _IMPORT, module, *packages], _IMPORT_S)
    except subprocess.TimeoutExpired:
        return Imported(error=f"the import of {module} took more than {_IMPORT_S:.0f} s")
    except OSError as error:
        return Imported(error=f"{python} cannot be run: {error.strerror or error}")
    told = _told(done.stdout)
    if told is None:
        return Imported(error=f"{_ended(done)} while it imported {module}")
    return Imported(error=" ".join(told["error"].split()), versions=told["versions"])


@dataclass(slots=True)
class _Look:
    """What an interpreter had when it was looked at, and the state of its folders then."""

    stamp: tuple[tuple[str, int], ...]
    found: tuple[str, ...]
    error: str


class Interpreters:
    """Looks into interpreters without importing anything, and again only when they changed."""

    def __init__(self) -> None:
        self._looks: dict[tuple[str, str], _Look] = {}

    def lacking(self, python: str, module: str) -> str:
        """Why `module` is not there; empty when it is. `a|b` means that either is enough."""
        names = module.split("|")
        if python == sys.executable:
            found = any(importlib.util.find_spec(name) for name in names)
            return "" if found else _no_module(names)
        look = self._looks.get((python, module))
        if look is None or look.stamp != _stamp([folder for folder, _ in look.stamp]):
            look = self._looks[python, module] = _look(python, names)
        return look.error or ("" if look.found else _no_module(names))


def _look(python: str, names: Sequence[str]) -> _Look:
    try:
        done = _run([python, "-c", _FIND, *names], _LOOK_S)
    except subprocess.TimeoutExpired:
        error = f"{python} did not answer within {_LOOK_S:.0f} s"
    except FileNotFoundError:
        error = f"there is no interpreter {python}"
    except OSError as failure:
        error = f"{python} cannot be run: {failure.strerror or failure}"
    else:
        told = _told(done.stdout)
        if told is not None:
            folders = [python, *told["folders"]]
            return _Look(stamp=_stamp(folders), found=tuple(told["found"]), error="")
        words = done.stderr.strip().splitlines()
        error = f"{python} {_ended(done)}{': ' + words[-1] if words else ''}"
    return _Look(stamp=_stamp([python]), found=(), error=error)


def _run(argv: list[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )


def _told(output: str) -> dict[str, Any] | None:
    """The last line, where the program told what it found; None when it did not get there."""
    lines = output.strip().splitlines()
    try:
        told = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _ended(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        return f"was ended by {signal.Signals(-done.returncode).name}"
    return f"ended with status {done.returncode}"


def _no_module(names: Sequence[str]) -> str:
    return "No module named " + " or ".join(f"'{name}'" for name in names)


def _stamp(paths: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Each path with its time of change in nanoseconds; 0 when it is not there."""
    return tuple((path, _changed_ns(path)) for path in paths)


def _changed_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - at every report
    except OSError:
        return 0
