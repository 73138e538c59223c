"""Files on their way into a bundle and out of it, hashed as they are copied."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from xinfer.domain.memory import gib
from xinfer.errors import StoreFailed
from xinfer.launch.bundle import File

Progress = Callable[[str, float, str], None]
"""Told what is being worked on, the share 0..1 of it that is done, and a short text."""

_BLOCK = 4 * 2**20
_PARTIAL = ".partial"


class Mover:
    """Puts files into `folder` and says how far it is, of `total_bytes`, under the name `what`."""

    def __init__(self, folder: Path, what: str, total_bytes: int, progress: Progress) -> None:
        self._folder = folder
        self._what = what
        self._total = max(total_bytes, 1)
        self._done = 0
        self._progress = progress

    def put(self, source: Path, name: str, *, link: bool) -> File:
        """A hard link where that is wanted and possible, else a copy.

        One that is there from an earlier time is kept if it is the same, byte for byte. Raises
        StoreFailed.
        """
        target = self._folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            digest = self._kept(source, target, name)
            if digest is None and link and _link(source, target):
                digest = self._hash(target, name)
            if digest is None:
                digest = self._copy(source, target, name)
            return File(name=name, size_bytes=target.stat().st_size, sha256=digest)
        except OSError as error:
            raise StoreFailed(
                f"{source} could not be put into {target}: {error.strerror or error}.",
                "Check that there is room and that both may be reached, then run it again.",
            ) from error

    def hash(self, name: str) -> str:
        """The SHA-256 of a file of the folder, in hex. Raises OSError."""
        return self._hash(self._folder / name, name)

    def _kept(self, source: Path, target: Path, name: str) -> str | None:
        """The hash of a target that can stay as it is."""
        if not _same(source, target):
            return None
        digest = self._hash(target, name)
        if source.samefile(target):
            return digest
        with source.open("rb") as reading:
            is_same = hashlib.file_digest(reading, "sha256").hexdigest() == digest
        return digest if is_same else None

    def _hash(self, path: Path, name: str) -> str:
        with path.open("rb") as reading:
            return self._read(reading, name, None)

    def _copy(self, source: Path, target: Path, name: str) -> str:
        partial = target.with_name(f"{target.name}{_PARTIAL}")
        partial.unlink(missing_ok=True)
        with source.open("rb") as reading, partial.open("xb") as writing:
            digest = self._read(reading, name, writing)
            writing.flush()
            os.fsync(writing.fileno())
        # The date shows a later run that it is the same file.
        times = source.stat()
        os.utime(partial, ns=(times.st_atime_ns, times.st_mtime_ns))
        partial.replace(target)
        return digest

    def _read(self, reading: BinaryIO, name: str, writing: BinaryIO | None) -> str:
        digest = hashlib.sha256()
        while block := reading.read(_BLOCK):
            digest.update(block)
            if writing is not None:
                writing.write(block)
            self._done += len(block)
            self._progress(self._what, min(self._done / self._total, 1.0), name)
        return digest.hexdigest()


def check_room(folder: Path, sources: Iterable[tuple[Path, str]]) -> int:
    """The bytes of all sources, by path and name in `folder`; those that are there take no more.

    Raises StoreFailed when they do not fit.
    """
    total = lacking = 0
    try:
        for source, name in sources:
            size = source.stat().st_size
            total += size
            lacking += 0 if _same(source, folder / name) else size
        there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
        free = shutil.disk_usage(there).free
    except OSError as error:
        raise StoreFailed(f"{error.filename} cannot be read: {error.strerror}.") from error
    if lacking > free:
        raise StoreFailed(
            f"{gib(lacking)} are to be put into {folder}, where {gib(free)} are free.",
            "Make room there, or name a folder on another disk.",
        )
    return total


def _same(source: Path, target: Path) -> bool:
    if target.is_symlink() or not target.is_file():
        return False
    one, other = source.stat(), target.stat()
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def _link(source: Path, target: Path) -> bool:
    """Whether it could be linked: both must lie on one disk, and belong to us on many systems."""
    partial = target.with_name(f"{target.name}{_PARTIAL}")
    try:
        partial.unlink(missing_ok=True)
        os.link(source.resolve(), partial)
        partial.replace(target)
    except OSError:
        return False
    return True
