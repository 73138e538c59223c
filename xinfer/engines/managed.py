"""Environments that are built for engines: `envs/<engine>-<accelerator>` under the home folder.

An environment is built beside its place and moved there when it is whole, so that a folder with
that name never is half of one. The lock of a build is one of the kernel's: it ends with its owner.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from xinfer.domain.ports import EnvironmentState
from xinfer.engines.installer import Installer, failure
from xinfer.engines.interpreter import Imported, imported, program
from xinfer.engines.requirement import Requirement
from xinfer.errors import Conflict, LaunchFailed, NotFound

Progress = Callable[[float, str], None]

_POLL_S = 0.2
_IMPORT_SHARE = 0.96
_RECORD = "xinfer.json"
_NO_RECORD = f"there is no {_RECORD} in it"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """Written into an environment last: from which list it was made, and why it cannot be used."""

    digest: str
    error: str = ""


class Managed:
    """The environments in one folder. `module(engine)` names what an engine imports."""

    def __init__(self, folder: Path, installer: Installer, module: Callable[[str], str]) -> None:
        self._folder = folder
        self._installer = installer
        self._module = module

    @property
    def can_build(self) -> bool:
        return self._installer.uv is not None

    def path(self, requirement: Requirement) -> Path:
        return self._folder / requirement.name

    def state(self, requirement: Requirement, *, weigh: bool = False) -> EnvironmentState:
        """As it is now, by its record; `weigh` also sums the sizes of its files."""
        path = self.path(requirement)
        word, detail = self._judge(requirement)
        return EnvironmentState(
            engine=requirement.engine,
            accelerator=requirement.accelerator,
            path=str(path),
            state=word,
            detail=detail,
            size_bytes=_size(path) if weigh and path.is_dir() else None,
        )

    def python(self, requirement: Requirement, progress: Progress) -> str:
        """The interpreter of one that can be used, built when it is not there.

        Raises LaunchFailed; what `progress` raises ends the build.
        """
        state = self.state(requirement).state
        if state in ("missing", "building"):
            self.create(requirement, progress)
        elif state == "broken":
            # What it lacked may have been installed meanwhile: a library of the system, say.
            progress(_IMPORT_SHARE, "importing the engine")
            self.check(requirement)
        found = self.state(requirement)
        if found.state != "ready":
            raise broken(requirement, found.detail)
        return str(program(self.path(requirement)))

    def create(
        self, requirement: Requirement, progress: Progress, *, anew: bool = False
    ) -> EnvironmentState:
        """Build it unless it is there, made from the list as it is now, and the engine can be
        imported in it; `anew`: in any case.

        One that is being built elsewhere is waited for. Raises LaunchFailed when it cannot be
        built; one that was there then is left as it was.
        """
        with self._alone(requirement, progress) as waited:
            # What somebody else has just built was also tried.
            whole = self._is_current(requirement) and (waited or not self.check(requirement).error)
            if (anew and not waited) or not whole:
                self._sweep(requirement)
                self._build(requirement, progress)
        return self.state(requirement)

    def check(self, requirement: Requirement) -> Imported:
        """Really import the engine there, and remember whether that went well.

        Raises NotFound when it is not there.
        """
        path = self.path(requirement)
        if not path.is_dir():
            raise _not_there(requirement, path)
        record = _read(path)
        if record is None:
            return Imported(error=_NO_RECORD)
        result = self._try(requirement, path)
        if result.error != record.error:
            _write(path, _Record(digest=record.digest, error=result.error))
        return result

    def remove(self, requirement: Requirement) -> None:
        """Delete it. Raises NotFound when it is not there, Conflict while it is being built."""
        with self._held(requirement) as held:
            if not held:
                raise Conflict(f"The environment {requirement.name} is being built.")
            self._sweep(requirement)
            path = self.path(requirement)
            if not path.is_dir():
                raise _not_there(requirement, path)
            _discard(path)

    def _judge(self, requirement: Requirement) -> tuple[str, str]:
        path = self.path(requirement)
        record = _read(path)
        if record is not None and not os.access(program(path), os.X_OK):
            return "broken", "the interpreter that it was made with is gone"
        if record is not None and record.error:
            return "broken", record.error
        if record is not None:
            current = record.digest == requirement.digest()
            return "ready", "" if current else "made from an older list of packages"
        if self._is_held(requirement):
            return "building", ""
        if path.is_dir():
            return "broken", _NO_RECORD
        return "missing", ""

    def _is_current(self, requirement: Requirement) -> bool:
        return self._judge(requirement) == ("ready", "")

    def _build(self, requirement: Requirement, progress: Progress) -> None:
        making = self._folder / f".{requirement.name}.{uuid.uuid4().hex[:8]}"
        try:
            self._installer.install(making, requirement, progress)
            progress(_IMPORT_SHARE, "importing the engine")
            error = self._try(requirement, making).error
            _write(making, _Record(digest=requirement.digest(), error=error))
            path = self.path(requirement)
            if path.is_dir():
                _discard(path)
            making.rename(path)
        except OSError as error:
            raise failure(requirement, str(error)) from error
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def _try(self, requirement: Requirement, path: Path) -> Imported:
        python, module = str(program(path)), self._module(requirement.engine)
        return imported(python, module, requirement.packages())

    def _sweep(self, requirement: Requirement) -> None:
        """Delete what builds that were killed have left."""
        for path in self._folder.glob(f".{requirement.name}.????????"):
            shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def _alone(self, requirement: Requirement, progress: Progress) -> Iterator[bool]:
        """Hold the lock, however long that takes; yields whether somebody else had it before."""
        waited = False
        while True:
            with self._held(requirement) as held:
                if held:
                    yield waited
                    return
            waited = True
            progress(0.0, "being built by another process")
            time.sleep(_POLL_S)

    @contextmanager
    def _held(self, requirement: Requirement) -> Iterator[bool]:
        """Try to take the lock; yields whether it was taken. Never waits: gevent could not."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._lock(requirement), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise failure(
                requirement,
                f"{error.filename or self._folder}: {error.strerror}",
                f"Make {self._folder} a folder that this user may write, or set XINFER_HOME.",
            ) from error
        try:
            yield _locked(lock, fcntl.LOCK_EX)
        finally:
            os.close(lock)

    def _is_held(self, requirement: Requirement) -> bool:
        try:
            lock = os.open(self._lock(requirement), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            return not _locked(lock, fcntl.LOCK_SH)
        finally:
            os.close(lock)

    def _lock(self, requirement: Requirement) -> Path:
        return self._folder / f".{requirement.name}.lock"


def broken(requirement: Requirement, error: str) -> LaunchFailed:
    """The engine's own words on why it cannot be imported where it was installed."""
    cause = f"the environment {requirement.name} is broken: {error.rstrip('.')}"
    return LaunchFailed(
        f"{cause[0].upper()}{cause[1:]}.",
        f"`xinfer env create {requirement.engine} --accelerator {requirement.accelerator} "
        "--recreate` builds it anew.",
        phase="environment",
        cause=cause,
    )


def _not_there(requirement: Requirement, path: Path) -> NotFound:
    return NotFound(
        f"There is no environment {path}.",
        f"`xinfer env create {requirement.engine}` builds it.",
    )


def _locked(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _discard(path: Path) -> None:
    """Take it out of its place at once, then delete it, which takes a while."""
    old = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    path.rename(old)
    shutil.rmtree(old, ignore_errors=True)


def _read(path: Path) -> _Record | None:
    try:
        found = json.loads((path / _RECORD).read_text(encoding="utf-8"))
        return _Record(digest=str(found["digest"]), error=str(found["error"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write(path: Path, record: _Record) -> None:
    """Whole or not at all. Raises OSError."""
    temporary = path / f"{_RECORD}.{uuid.uuid4().hex[:8]}"
    temporary.write_text(json.dumps({"digest": record.digest, "error": record.error}), "utf-8")
    temporary.replace(path / _RECORD)


def _size(path: Path) -> int:
    """Bytes on the disk of all files below; those that vanish meanwhile do not count."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):
                total += os.lstat(Path(folder, name)).st_blocks * 512
    return total
