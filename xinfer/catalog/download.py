"""Files of one repository brought here: again and again after a cut, until they are whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from xinfer.catalog.clients.errand import (
    Errand,
    Kind,
    Outcome,
    Progress,
    RepoFile,
    Trouble,
)
from xinfer.catalog.clients.process import Abandoned, ClientProgram, send
from xinfer.domain.memory import gib
from xinfer.domain.ports import Transfer, Watcher
from xinfer.domain.replica import FileProgress
from xinfer.errors import Conflict

_ATTEMPTS = 6
_LONGEST_S = 30.0
_LONGEST_ASKED_S = 600.0
_POLL_S = 0.2
_AGAIN = (Kind.BUSY, Kind.ENDED)


class Tally:
    """How far the wanted files are, told to a watcher. Those not in `missing` are here."""

    def __init__(
        self, what: str, wanted: Iterable[RepoFile], missing: Iterable[RepoFile], watcher: Watcher
    ) -> None:
        self._what = what
        self._sizes = {file.name: file.size_bytes for file in wanted}
        lacking = {file.name for file in missing}
        self._done = {name: 0 if name in lacking else size for name, size in self._sizes.items()}
        self._watcher = watcher

    @property
    def done_bytes(self) -> int:
        return sum(self._done.values())

    def see(self, progress: Progress) -> None:
        """Take note of what the client says."""
        for file in progress.files:
            self._done[file.name] = min(file.done_bytes, self._sizes.get(file.name, 0))
        self.tell(f"fetching {self._what}")

    def tell(self, doing: str) -> None:
        """What is done at the moment, and how far it is."""
        total = sum(self._sizes.values())
        under_way = tuple(
            FileProgress(name=name, done_bytes=self._done[name], total_bytes=size)
            for name, size in self._sizes.items()
            if 0 < self._done[name] < size
        )
        self._watcher.see(
            Transfer(
                share=self.done_bytes / total if total else 1.0,
                text=f"{doing}, {gib(self.done_bytes)} of {gib(total)}",
                files=under_way,
                done_bytes=self.done_bytes,
                total_bytes=total,
            )
        )


def download(program: ClientProgram, errand: Errand, tally: Tally, watcher: Watcher) -> Outcome:
    """Fetch the files of the errand, trying again while the trouble may pass.

    Attempts are counted from the last one that brought anything. Raises Conflict when cancelled.
    """
    attempt, most = 0, tally.done_bytes
    while True:
        outcome = _send(program, errand, watcher, tally.see)
        trouble = outcome.trouble
        if trouble is None or not trouble.kind.passing:
            return outcome
        if tally.done_bytes > most:
            attempt, most = 0, tally.done_bytes
        attempt += 1
        if attempt >= _ATTEMPTS:
            return outcome
        _rest(trouble, attempt, errand.repo, tally.tell, watcher)


def ask(program: ClientProgram, errand: Errand, watcher: Watcher, limit_s: float) -> Outcome:
    """A listing. A busy hub is asked again, one that cannot be reached is not.

    Raises Conflict when cancelled.
    """

    def tell(doing: str) -> None:
        watcher.see(Transfer(share=0.0, text=doing))

    attempt = 0
    while True:
        tell(f"asking {errand.endpoint} for {errand.repo}")
        outcome = _send(program, errand, watcher, lambda progress: None, limit_s)
        trouble = outcome.trouble
        attempt += 1
        if trouble is None or trouble.kind not in _AGAIN or attempt >= _ATTEMPTS:
            return outcome
        _rest(trouble, attempt, errand.repo, tell, watcher)


def _send(
    program: ClientProgram,
    errand: Errand,
    watcher: Watcher,
    see: Callable[[Progress], None],
    limit_s: float | None = None,
) -> Outcome:
    try:
        return send(program, errand, watcher.cancelled, see, limit_s)
    except Abandoned as error:
        raise _cancelled(errand.repo) from error


def delay_s(attempt: int, asked_s: float | None) -> float:
    """How long to wait after the `attempt`-th failure in a row, or as long as the hub asks for."""
    if asked_s is not None:
        return min(max(asked_s, 0.0), _LONGEST_ASKED_S)
    return min(2.0 ** (attempt - 1), _LONGEST_S)


def _cancelled(what: str) -> Conflict:
    return Conflict(f"The fetch of {what} was cancelled.")


def _rest(
    trouble: Trouble, attempt: int, repo: str, tell: Callable[[str], None], watcher: Watcher
) -> None:
    said = f"the hub answers {trouble.status}" if trouble.status else "the connection broke"
    said = trouble.detail if trouble.kind is Kind.ENDED else said
    until = time.monotonic() + delay_s(attempt, trouble.retry_after_s)
    while (left := until - time.monotonic()) > 0:
        tell(f"{said}, next attempt in {left:.0f} s")
        if watcher.cancelled():
            raise _cancelled(repo)
        time.sleep(min(_POLL_S, left))
