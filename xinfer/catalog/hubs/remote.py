"""One hub on the network: what is here of a repository, what it has, how the rest comes here."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from xinfer.catalog.clients.errand import Kind, Listing, RepoFile, Trouble
from xinfer.catalog.download import Tally, ask, download
from xinfer.catalog.hubs.site import Site, check_names, failure
from xinfer.catalog.listings import Listings
from xinfer.catalog.wanted import wanted, whole
from xinfer.domain.engine import Files
from xinfer.domain.memory import gib
from xinfer.domain.model import Source
from xinfer.domain.ports import FetchPlan, Watcher
from xinfer.errors import LaunchFailed

_LISTING_LIMIT_S = 60.0
_RUNNING_LOST_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A source as its hub lists it: the `files` that are wanted of it."""

    source: Source
    listing: Listing
    files: tuple[RepoFile, ...]


class RemoteHub:
    """Answers for one site. `listings` remembers what was whole."""

    def __init__(self, site: Site, listings: Listings) -> None:
        self.site = site
        self._listings = listings

    @property
    def installed(self) -> bool:
        """Whether the library that speaks to the hub is there."""
        return importlib.util.find_spec(self.site.package) is not None

    def kept(self, source: Source) -> Files | None:
        """The files, if all that the hub listed when it was last asked are here."""
        self.site.errand(source)
        listing = self._listings.read(source)
        return None if listing is None else self._here(self._wish(source, listing))

    def guessed(self, source: Source) -> Files | None:
        """The files, if what is here looks whole; other programs fetch without our knowing."""
        for cache in self.site.caches:
            for folder in self.site.folders(cache, source, ""):
                names = _names(folder)
                if names and whole(names, source.files):
                    return _files(folder, source, wanted(names, source.files, source.ref))
        return None

    def ask(self, source: Source, watcher: Watcher, *, hurry: bool) -> Wish | Trouble:
        """What the hub has. In a `hurry` (somebody else has it, too) it gets less time."""
        errand = self.site.errand(source)
        if self.site.offline:
            return Trouble(kind=Kind.UNREACHABLE, detail=f"{self.site.offline} is set")
        if not self.installed:
            raise _no_library(self.site)
        limit_s = _RUNNING_LOST_S if hurry else _LISTING_LIMIT_S
        outcome = ask(self.site.program, errand, watcher, limit_s)
        if outcome.listing is None:
            return outcome.trouble or Trouble(kind=Kind.OTHER, detail="an empty answer")
        return self._wish(source, outcome.listing)

    def plan(self, wish: Wish) -> FetchPlan:
        here = self._here(wish)
        if here is not None:
            return present(here)
        missing = self._missing(wish)
        return FetchPlan(
            files=tuple(file.name for file in missing),
            present=False,
            missing_bytes=self._lacking(wish, missing),
        )

    def bring(self, wish: Wish, watcher: Watcher) -> Files | Trouble:
        """Fetch what is missing. Raises LaunchFailed when there is no room, Conflict when
        cancelled.
        """
        files = self._here(wish)
        if files is None:
            missing = self._missing(wish)
            self._check_room(wish, missing)
            errand = msgspec.structs.replace(
                self.site.errand(wish.source),
                verb="fetch",
                commit=wish.listing.commit,
                files=missing,
            )
            what = f"{wish.source.ref} from {self.site.hub}"
            tally = Tally(what, wish.files, missing, watcher)
            outcome = download(self.site.program, errand, tally, watcher)
            if outcome.trouble is not None:
                return outcome.trouble
            files = self._here(wish, Path(outcome.root))
            if files is None:
                return Trouble(kind=Kind.OTHER, detail=f"files are missing in {outcome.root}")
        self._listings.write(wish.source, wish.listing)
        return files

    def _wish(self, source: Source, listing: Listing) -> Wish:
        check_names(listing, self.site)
        names = (file.name for file in listing.files)
        place = f"{source.ref} on {self.site.hub}"
        chosen = wanted(names, source.files, place)
        return Wish(source=source, listing=listing, files=listing.only(chosen))

    def _here(self, wish: Wish, *also: Path) -> Files | None:
        """The files in a folder that has all of them."""
        for folder in (*also, *self._folders(wish, self.site.caches)):
            if all(_is_whole(folder / file.name, file) for file in wish.files):
                return _files(folder, wish.source, tuple(file.name for file in wish.files))
        return None

    def _missing(self, wish: Wish) -> tuple[RepoFile, ...]:
        folders = list(self._folders(wish, self.site.caches[:1]))
        return tuple(
            file
            for file in wish.files
            if not any(_is_whole(folder / file.name, file) for folder in folders)
        )

    def _folders(self, wish: Wish, caches: Iterable[Path]) -> Iterator[Path]:
        for cache in caches:
            yield from self.site.folders(cache, wish.source, wish.listing.commit)

    def _lacking(self, wish: Wish, missing: Iterable[RepoFile]) -> int:
        """Bytes to fetch, less those of files that were begun."""
        cache, lacking = self.site.caches[0], 0
        for file in missing:
            partial = self.site.partial(cache, wish.source, file)
            begun = partial.stat().st_size if partial is not None and partial.exists() else 0
            lacking += max(file.size_bytes - begun, 0)
        return lacking

    def _check_room(self, wish: Wish, missing: Iterable[RepoFile]) -> None:
        cache = self.site.caches[0]
        try:
            cache.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(cache).free
        except OSError as error:
            raise LaunchFailed(
                f"{wish.source.ref} cannot be kept in {cache}: {error.strerror or error}.",
                "Check that the folder may be written to, or put the cache elsewhere.",
                phase="downloading",
                cause=str(error),
            ) from error
        lacking = self._lacking(wish, missing)
        if lacking > free:
            raise LaunchFailed(
                f"{wish.source.ref} needs {gib(lacking)} more on the disk of {cache}, which has "
                f"{gib(free)} free.",
                "Make room (xinfer remove-cache), put the cache elsewhere, or choose a smaller "
                "quantization.",
                phase="downloading",
                cause=f"{gib(lacking)} are needed in {cache}, {gib(free)} are free",
            )


def present(files: Files) -> FetchPlan:
    """The plan for files that are here."""
    paths = files.paths or tuple(sorted(files.root / name for name in _names(files.root)))
    return FetchPlan(files=tuple(str(path) for path in paths), present=True)


def refuse(hub: RemoteHub, source: Source, trouble: Trouble) -> None:
    """Raise what a trouble that does not pass means."""
    if not trouble.kind.passing:
        raise failure(hub.site, source, trouble)


def _files(folder: Path, source: Source, names: tuple[str, ...]) -> Files:
    """As `select` has it: a source without patterns gives its GGUF files, or the folder alone."""
    given = names if source.files else [name for name in names if name.endswith(".gguf")]
    return Files(root=folder, paths=tuple(folder / name for name in given))


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def _is_whole(path: Path, file: RepoFile) -> bool:
    try:
        return path.is_file() and path.stat().st_size == file.size_bytes
    except OSError:
        return False


def _no_library(site: Site) -> LaunchFailed:
    return LaunchFailed(
        f"Nothing here speaks to {site.hub}: the package {site.package} is not installed.",
        "Install xinfer with the extra 'hubs': pip install 'xinfer[hubs]'.",
        phase="downloading",
        cause=f"the package {site.package} (extra 'hubs') is not installed",
    )
