"""Which model files are kept on this machine, how large they are, and their removal."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from xinfer.catalog.listings import Listings
from xinfer.domain.model import Hub, Source
from xinfer.errors import Conflict, NotFound, StoreFailed

_HIDDEN = "."
_UNFINISHED = ".incomplete"


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedFile:
    """One file as an engine would open it; `revision` is the folder that it is in."""

    name: str
    path: Path
    size_bytes: int
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEntry:
    """All that is kept of one repository or package in one cache.

    `size_bytes` is what it takes on disk, unfinished files included; `used_s` the moment (unix
    seconds) of the last reading or writing, as far as the file system notes it.
    """

    hub: Hub
    ref: str
    path: Path
    revisions: tuple[str, ...]
    files: tuple[CachedFile, ...]
    size_bytes: int
    used_s: float

    def serves(self, source: Source) -> bool:
        """Whether a model of this source, or of a mirror of it, may run on these files."""
        return any(
            (place.hub, place.ref) == (self.hub, self.ref) for place in (source, *source.mirrors)
        )


class Cache:
    """`places` are the folders by hub, as in `Site.caches`; `listings` tell what was whole."""

    def __init__(self, places: Mapping[Hub, Iterable[Path]], listings: Listings) -> None:
        self._places = {hub: tuple(folders) for hub, folders in places.items()}
        self._listings = listings

    def entries(self) -> tuple[CacheEntry, ...]:
        """Sorted by hub and name. Reads the folders anew each time."""
        found = [
            entry
            for hub, folders in self._places.items()
            for folder in folders
            for entry in _entries(hub, folder)
        ]
        return tuple(sorted(found, key=lambda entry: (entry.hub, entry.ref.lower(), entry.path)))

    def remove(self, entry: CacheEntry, in_use: Iterable[Source]) -> None:
        """Delete all of it. `in_use` are the sources of the models that are wanted here.

        Raises Conflict when one of them is served by it, NotFound when it has gone already,
        StoreFailed when the files cannot be deleted.
        """
        if any(entry.serves(source) for source in in_use):
            raise Conflict(
                f"The files of {entry.ref} are in use.",
                "Terminate the models that run on them first.",
            )
        # Out of the way in one step: nobody finds half of it.
        grave = entry.path.with_name(f".removed-{entry.path.name}-{os.getpid()}")
        try:
            self._listings.forget(entry.hub, entry.ref)
            entry.path.rename(grave)
            shutil.rmtree(grave)
        except FileNotFoundError as error:
            raise NotFound(f"{entry.path} is not there any more.") from error
        except OSError as error:
            raise StoreFailed(
                f"{entry.path} cannot be removed: {error.strerror or error}.",
                "Check the rights of the user that the worker runs as.",
            ) from error


def _entries(hub: Hub, folder: Path) -> Iterator[CacheEntry]:
    match hub:
        case Hub.HUGGINGFACE:
            for path in _folders(folder, "models--*"):
                yield _snapshots(hub, path.name.removeprefix("models--"), path)
        case Hub.MODELSCOPE:
            yield from _of_modelscope(folder)
        case Hub.PACKAGE:
            for path in _folders(folder, "*"):
                name, _, version = path.name.partition("==")
                yield _entry(hub, name, path, {version: path})


def _of_modelscope(folder: Path) -> Iterator[CacheEntry]:
    """Repositories as the SDK keeps them, and as older ones did."""
    for models in (folder / "models", folder / "hub" / "models"):
        for path in _folders(models, "*"):
            if (path / "snapshots").is_dir():
                yield _snapshots(Hub.MODELSCOPE, path.name, path)
                continue
            for repo in _folders(path, "*"):
                ref = f"{path.name}/{repo.name.replace('___', '.')}"
                yield _entry(Hub.MODELSCOPE, ref, repo, {"": repo})


def _snapshots(hub: Hub, name: str, path: Path) -> CacheEntry:
    revisions = {folder.name: folder for folder in _folders(path / "snapshots", "*")}
    # The first pair is the slash: names of owners have no such pair, those of models may.
    return _entry(hub, name.replace("--", "/", 1), path, revisions)


def _entry(hub: Hub, ref: str, path: Path, revisions: Mapping[str, Path]) -> CacheEntry:
    files = [
        CachedFile(
            name=str(file.relative_to(folder)),
            path=file,
            size_bytes=mark.st_size,
            revision=revision,
        )
        for revision, folder in revisions.items()
        for file, mark in _files(folder)
        if not file.name.endswith(_UNFINISHED)
    ]
    marks = [mark for found, mark in _files(path) if not found.is_symlink()]
    return CacheEntry(
        hub=hub,
        ref=ref,
        path=path,
        revisions=tuple(revision for revision in revisions if revision),
        files=tuple(files),
        size_bytes=sum(mark.st_size for mark in marks),
        used_s=max((max(mark.st_atime, mark.st_mtime) for mark in marks), default=0.0),
    )


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Sorted, less those that go meanwhile, as unfinished ones do when they are whole."""
    names = (Path(here, name) for here, _, there in os.walk(folder) for name in there)
    for path in sorted(names):
        try:
            mark = path.stat()
        except OSError:
            continue
        if stat.S_ISREG(mark.st_mode):
            yield path, mark


def _folders(parent: Path, pattern: str) -> list[Path]:
    return sorted(
        path for path in parent.glob(pattern) if path.is_dir() and path.name[0] != _HIDDEN
    )
