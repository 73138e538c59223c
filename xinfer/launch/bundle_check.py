"""Whether a bundle is what its list says."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xinfer.errors import StoreFailed
from xinfer.launch import bundle
from xinfer.launch.bundle import Bundle, File
from xinfer.launch.bundle_files import Mover, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One file that is not as listed: `what` is "missing", "changed" or "unknown"."""

    name: str
    what: str
    detail: str


def faults(folder: Path, listed: Bundle, progress: Progress) -> tuple[Fault, ...]:
    """Read every file and compare; the result is sorted by name.

    Raises StoreFailed when a folder cannot be looked into.
    """
    there, known = set(_files(folder)), listed.files()
    mover = Mover(folder, "reading", sum(file.size_bytes for file in known.values()), progress)
    found = [fault for file in known.values() if (fault := _judge(folder, file, there, mover))]
    found += [
        Fault(name=name, what="unknown", detail="the bundle does not list it")
        for name in there - set(known)
    ]
    return tuple(sorted(found, key=lambda fault: fault.name))


def _judge(folder: Path, file: File, there: set[str], mover: Mover) -> Fault | None:
    path = folder / file.name
    if file.name not in there:
        return Fault(name=file.name, what="missing", detail="there is no such file")
    if path.is_symlink():
        return Fault(name=file.name, what="changed", detail="it is a link, not a file")
    try:
        mark = path.stat()
        if not stat.S_ISREG(mark.st_mode):
            # To read a pipe is to wait for ever.
            return Fault(name=file.name, what="changed", detail="it is no plain file")
        size = mark.st_size
        if size != file.size_bytes:
            detail = f"it has {size} bytes in place of {file.size_bytes}"
            return Fault(name=file.name, what="changed", detail=detail)
        if mover.hash(file.name) != file.sha256:
            return Fault(name=file.name, what="changed", detail="its SHA-256 is another one")
    except OSError as error:
        detail = f"it cannot be read: {error.strerror or error}"
        return Fault(name=file.name, what="changed", detail=detail)
    return None


def _files(folder: Path) -> Iterator[str]:
    """The names of all that is no folder; links are not followed."""
    for here, folders, names in os.walk(folder, onerror=_refuse):
        links = [name for name in folders if Path(here, name).is_symlink()]
        for name in (*names, *links):
            found = Path(here, name).relative_to(folder).as_posix()
            if found not in (bundle.LIST, bundle.MARKER):
                yield found


def _refuse(error: OSError) -> None:
    raise StoreFailed(f"{error.filename} cannot be looked into: {error.strerror}.") from error
