"""The frame of a client process: one errand in, progress and outcome out as files in a folder."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Protocol

import msgspec

from xinfer.catalog.clients.errand import (
    OUTCOME_FILE,
    PROGRESS_FILE,
    Errand,
    FileState,
    Kind,
    Listing,
    Outcome,
    Progress,
    RepoFile,
    Trouble,
)

_TELL_S = 0.25
_AT_ONCE = 4
_DETAIL = 300


class Gauge:
    """How much of each file is here; written by the threads that fetch."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: dict[str, Callable[[], int]] = {}

    def set(self, name: str, done_bytes: int) -> None:
        """So much of the file is here."""
        self.follow(name, lambda: done_bytes)

    def follow(self, name: str, measure: Callable[[], int]) -> None:
        """Ask `measure` whenever progress is told."""
        with self._lock:
            self._done[name] = measure

    def progress(self) -> Progress:
        with self._lock:
            measures = list(self._done.items())
        return Progress(
            files=tuple(FileState(name=name, done_bytes=measure()) for name, measure in measures)
        )


class Client(Protocol):
    """One hub's library."""

    def list(self, errand: Errand) -> Listing: ...

    def fetch(self, errand: Errand, file: RepoFile, gauge: Gauge) -> Path:
        """Bring one file into the cache and return the folder that its name is relative to."""
        ...

    def finish(self, errand: Errand, root: Path) -> None:
        """After the last file."""
        ...

    def trouble(self, error: BaseException) -> Trouble | None:
        """What one exception of the library means; None when it says nothing."""
        ...


class Corrupt(Exception):
    """A file came twice and was not what the hub says it is."""


def serve(client: Client) -> None:
    """Run the errand on standard input, leave the outcome in the folder named by the first word.

    The process ends by itself when standard input closes: whoever sent it is gone.
    """
    folder = Path(sys.argv[1])
    errand = msgspec.json.decode(sys.stdin.buffer.readline(), type=Errand)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gauge = Gauge()
    threading.Thread(target=_tell, args=(folder, gauge), daemon=True).start()
    outcome = _run(client, errand, gauge)
    _write(folder / PROGRESS_FILE, gauge.progress())
    _write(folder / OUTCOME_FILE, outcome)
    # Not by return: threads that still fetch other files would be waited for.
    os._exit(0)


def _run(client: Client, errand: Errand, gauge: Gauge) -> Outcome:
    try:
        if errand.verb == "list":
            return Outcome(listing=client.list(errand))
        root = _fetch_all(client, errand, gauge)
        client.finish(errand, root)
        return Outcome(root=str(root))
    except Exception as error:  # noqa: BLE001 - told to the process that waits
        return Outcome(trouble=_trouble(client, error))


class _Failed(Exception):
    """One file of several could not be had; the reason is the cause."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _fetch_all(client: Client, errand: Errand, gauge: Gauge) -> Path:
    def fetch(file: RepoFile) -> Path:
        try:
            return client.fetch(errand, file, gauge)
        except Exception as error:
            raise _Failed(file.name) from error

    # The large ones first: the small ones fill the gaps.
    files = sorted(errand.files, key=lambda file: -file.size_bytes)
    pool = ThreadPoolExecutor(_AT_ONCE)
    flights = [pool.submit(fetch, file) for file in files]
    ended, _ = wait(flights, return_when=FIRST_EXCEPTION)
    roots = {flight.result() for flight in sorted(ended, key=lambda each: each.exception() is None)}
    return roots.pop()


def _trouble(client: Client, error: BaseException) -> Trouble:
    """The first in the chain of causes that is known for what it is."""
    file = ""
    for each in _chain(error):
        if isinstance(each, _Failed):
            file = each.name
            continue
        known = _local_trouble(each) or client.trouble(each)
        if known is not None:
            return msgspec.structs.replace(known, file=known.file or file)
    origin = error.__cause__ if isinstance(error, _Failed) and error.__cause__ else error
    return Trouble(kind=Kind.OTHER, detail=one_line(origin), file=file)


def _local_trouble(error: BaseException) -> Trouble | None:
    if isinstance(error, Corrupt):
        return Trouble(kind=Kind.CORRUPT, detail=str(error))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Trouble(kind=Kind.DISK, detail=one_line(error))
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def one_line(error: BaseException) -> str:
    """The words of an exception, short enough for a status line."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= _DETAIL else f"{words[:_DETAIL]}..."


def _tell(folder: Path, gauge: Gauge) -> None:
    pause = threading.Event()
    while not pause.wait(_TELL_S):
        _write(folder / PROGRESS_FILE, gauge.progress())


def _write(path: Path, what: Progress | Outcome) -> None:
    # One name per thread: the last progress is written beside the ticking thread.
    draft = path.with_suffix(f".{threading.get_ident()}")
    draft.write_bytes(msgspec.json.encode(what))
    draft.replace(path)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)
