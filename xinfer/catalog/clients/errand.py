"""What a hub's client process is asked for, and what it says: plain JSON between two processes."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

PROGRESS_FILE = "progress.json"
OUTCOME_FILE = "outcome.json"


class RepoFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a repository, as its hub describes it."""

    name: str
    size_bytes: int = 0
    sha256: str | None = None


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """All files of a repository at one revision. `commit` is the name of that state on the hub."""

    commit: str
    files: tuple[RepoFile, ...]

    def only(self, names: tuple[str, ...]) -> tuple[RepoFile, ...]:
        """The files of these names."""
        wanted = set(names)
        return tuple(file for file in self.files if file.name in wanted)


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """One order to a client. `revision` is as asked for, `commit` as listed; both empty for the
    hub's usual branch. `files` are those to fetch into the library's cache folder `cache`.
    """

    verb: Literal["list", "fetch"]
    repo: str
    endpoint: str
    cache: str
    revision: str = ""
    commit: str = ""
    token: str | None = None
    files: tuple[RepoFile, ...] = ()
    timeout_s: float = 20.0


class Kind(StrEnum):
    """Why a client came back without what it was sent for."""

    UNREACHABLE = "unreachable"
    CUT = "cut"
    BUSY = "busy"
    DENIED = "denied"
    MISSING = "missing"
    CORRUPT = "corrupt"
    DISK = "disk"
    ENDED = "ended"
    OTHER = "other"

    @property
    def passing(self) -> bool:
        """Whether the same errand may well succeed a little later."""
        return self in (Kind.UNREACHABLE, Kind.CUT, Kind.BUSY, Kind.ENDED)


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong. `file` is the one it happened to, if any; `detail` is one line."""

    kind: Kind
    detail: str
    file: str = ""
    status: int | None = None
    retry_after_s: float | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an errand ended: a `listing`, or `root`, the folder of the files, or `trouble`."""

    listing: Listing | None = None
    root: str = ""
    trouble: Trouble | None = None


class FileState(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one file is here."""

    name: str
    done_bytes: int


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The files that an errand has begun with."""

    files: tuple[FileState, ...] = ()
