"""One hub as it is reached and cached on this machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from xinfer.catalog.clients.errand import Errand, Kind, Listing, RepoFile, Trouble
from xinfer.catalog.clients.process import ClientProgram
from xinfer.domain.model import Hub, Source
from xinfer.errors import Invalid, LaunchFailed, NotFound, XinferError

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_REPO = re.compile(rf"{_NAME}(/{_NAME})?\Z")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """`caches[0]` is written to, the others are only looked into. `token_variable` is what a person
    sets to get access, `endpoint_variable` to use another address; `offline` names the variable
    that forbids asking the hub, if it is set. `package` is the library that `program` needs.

    `folders` gives the places where a cache may keep a source (its commit, if one is known), the
    likeliest first; `partial` the file in which an unfinished one lies.
    """

    hub: Hub
    endpoint: str
    token: str | None
    caches: tuple[Path, ...]
    program: ClientProgram
    package: str
    folders: Callable[[Path, Source, str], Iterable[Path]]
    partial: Callable[[Path, Source, RepoFile], Path | None]
    token_variable: str
    endpoint_variable: str
    offline: str = ""

    @property
    def place(self) -> str:
        return f"{self.hub} ({self.endpoint})"

    def errand(self, source: Source) -> Errand:
        """An errand to list the source. Raises Invalid for a name that is none."""
        if not _REPO.match(source.ref) or ".." in source.ref:
            raise Invalid(
                f"'{source.ref}' is not the name of a repository on {self.hub}.",
                "It is written org/repo.",
                key=f"source.{self.hub}",
            )
        revision = source.revision or ""
        if revision and (not _REVISION.match(revision) or ".." in revision):
            raise Invalid(f"'{revision}' is not a revision.", key="source.revision")
        return Errand(
            verb="list",
            repo=source.ref,
            revision=revision,
            endpoint=self.endpoint,
            cache=str(self.caches[0]),
            token=self.token,
        )


def check_names(listing: Listing, site: Site) -> None:
    """Raises LaunchFailed when the hub names what would lie outside of the repository's folder."""
    for name in (listing.commit, *(file.name for file in listing.files)):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not name:
            raise LaunchFailed(
                f"{site.place} lists '{name}', which is no name inside a repository.",
                "Do not use this repository.",
                phase="downloading",
                cause=f"'{name}' is no name inside a repository",
            )


def failure(site: Site, source: Source, trouble: Trouble) -> XinferError:
    """The error that a person is shown for what the client came back with."""
    what = f"{trouble.file} of {source.ref}" if trouble.file else source.ref
    at = f" at revision {source.revision}" if source.revision else ""
    if trouble.kind is Kind.MISSING:
        return NotFound(
            f"{site.place} has no {what}{at}.", "Check the spelling; the case of letters matters."
        )
    message, hint = _words(site, what, trouble)
    return _failed(message, hint, trouble)


def unreachable(sites: Iterable[Site], source: Source, trouble: Trouble) -> LaunchFailed:
    """The error for a source that no hub could be asked for and that is not here."""
    there = list(sites)
    places = [site.place for site in there]
    if len(there) > 1:
        who = f"Neither {' nor '.join(places)} can be reached"
    elif there[0].offline:
        who = f"{places[0]} is not asked, as {there[0].offline} is set"
    else:
        who = f"{places[0]} cannot be reached"
    return _failed(
        f"{who}, and not all files of {source.ref} are in the cache ({there[0].caches[0]}).",
        "Check the network and HTTPS_PROXY, or name another address by "
        f"{' or '.join(site.endpoint_variable for site in there)}; "
        "files that are on this machine can be used with source: {path: ...}.",
        trouble,
    )


def _failed(message: str, hint: str, trouble: Trouble) -> LaunchFailed:
    """The library's own words come last: they are for those who know it."""
    return LaunchFailed(
        message,
        hint,
        phase="downloading",
        cause=message.rstrip("."),
        tail=(f"{trouble.status}: {trouble.detail}" if trouble.status else trouble.detail,),
        definite=trouble.kind is Kind.DENIED,
    )


def _words(site: Site, what: str, trouble: Trouble) -> tuple[str, str]:
    """What happened, and what to do next."""
    match trouble.kind:
        case Kind.DENIED:
            return (
                f"{site.place} refuses access to {what} ({trouble.status}): it is private or gated,"
                " or there is none of that name.",
                f"Accept its terms on its page, and set {site.token_variable} to a token of that "
                "account where the worker runs.",
            )
        case Kind.BUSY:
            return (
                f"{site.place} kept answering {trouble.status} when asked for {what}.",
                f"Try again later; with {site.token_variable} set the limits are wider.",
            )
        case Kind.CUT | Kind.UNREACHABLE:
            return (
                f"The connection to {site.place} kept breaking while {what} was fetched.",
                "Try again: what has arrived is kept, and the fetch goes on from there.",
            )
        case Kind.ENDED:
            return (
                f"The process that fetches {what} from {site.place} was killed again and again.",
                "See whether the machine has memory left; what has arrived is kept.",
            )
        case Kind.CORRUPT:
            return (
                f"{what} arrived from {site.place} with a wrong checksum or size, also when it was"
                " fetched again.",
                "Something between here and the hub changes files; use another network or mirror.",
            )
        case Kind.DISK:
            return (
                f"The disk of {site.caches[0]} is full; {what} is not here as a whole.",
                "Make room (xinfer remove-cache), or put the cache elsewhere.",
            )
        case _:
            return (f"{what} could not be fetched from {site.place}.", "")
