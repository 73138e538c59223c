"""Downloads without a launch: begun, paused, ended; kept in a file that outlives the worker."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from xinfer.domain.download import Download, DownloadState, bare
from xinfer.domain.engine import Files
from xinfer.domain.model import ModelSpec
from xinfer.domain.names import did_you_mean
from xinfer.domain.ports import Transfer
from xinfer.errors import Conflict, Invalid, NotFound, XinferError
from xinfer.worker.fetch import Fetches

log = logging.getLogger("xinfer.worker")

_KEPT_ENDED = 100


class _Run:
    """Watches one fetch; ends it when it is gone."""

    def __init__(self) -> None:
        self.transfer = Transfer(share=0.0)
        self.gone = False

    def see(self, transfer: Transfer) -> None:
        self.transfer = transfer

    def cancelled(self) -> bool:
        return self.gone


class Downloads:
    """Safe to use from several threads. `path` is written at every change of a state."""

    def __init__(
        self, fetches: Fetches, path: Path, clock: Callable[[], float] = time.time
    ) -> None:
        self._fetches = fetches
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._runs: dict[str, _Run] = {}
        self._known = {one.id: one for one in _read(path)}

    def start(self) -> None:
        """Go on with those that ran when the last worker ended."""
        with self._lock:
            for one in self._known.values():
                if one.state is DownloadState.RUNNING and one.id not in self._runs:
                    self._fetch(one)

    def all(self) -> tuple[Download, ...]:
        """As they are now, in the order in which they were begun."""
        with self._lock:
            return tuple(self._seen(one) for one in self._known.values())

    def running(self) -> tuple[ModelSpec, ...]:
        """What is being fetched."""
        return tuple(one.spec for one in self.all() if one.state is DownloadState.RUNNING)

    def begin(self, order: Download) -> Download:
        """Start it, or join an active one of that id; one that is paused goes on.

        Raises Conflict when an active one of that id fetches something else, Invalid without a
        source.
        """
        if order.spec.source is None:
            raise Invalid(f"The download {order.id} names no files.", key="source")
        with self._lock:
            known = self._known.get(order.id)
            if known is not None and known.state.is_active:
                if known.spec.source != order.spec.source:
                    raise _taken(order.id)
                return self._go_on(known)
            self._known.pop(order.id, None)
            return self._go_on(replace(order, started_s=self._clock(), of_launch=False))

    def pause(self, download_id: str) -> Download:
        """End the fetch and keep what has arrived. Raises NotFound, and Conflict when ended."""
        with self._lock:
            known = self._active(download_id)
            return self._leave(known, DownloadState.PAUSED)

    def resume(self, download_id: str) -> Download:
        """Go on with one that does not run. Raises NotFound, and Conflict when it is complete."""
        with self._lock:
            known = self._find(download_id)
            if known.state is DownloadState.DONE:
                raise Conflict(f"The download {download_id} is complete.")
            return self._go_on(known)

    def cancel(self, download_id: str) -> Download:
        """End it; what has arrived stays. Raises NotFound, and Conflict when it has ended."""
        with self._lock:
            known = self._active(download_id)
            return self._leave(known, DownloadState.CANCELLED)

    def forget(self, download_id: str) -> Download:
        """Strike it from the list; its files stay. Raises NotFound, and Conflict while it runs."""
        with self._lock:
            known = self._find(download_id)
            if known.state is DownloadState.RUNNING:
                raise Conflict(f"The download {download_id} runs.", "Pause or cancel it first.")
            del self._known[download_id]
            self._write()
            return known

    def _find(self, download_id: str) -> Download:
        if download_id not in self._known:
            raise NotFound(
                f"There is no download '{download_id}'.", did_you_mean(download_id, self._known)
            )
        return self._known[download_id]

    def _active(self, download_id: str) -> Download:
        known = self._find(download_id)
        if not known.state.is_active:
            raise Conflict(f"The download {download_id} has ended: it is {known.state}.")
        return known

    def _go_on(self, one: Download) -> Download:
        if one.id in self._runs:
            return self._seen(one)
        changed = replace(
            one, state=DownloadState.RUNNING, changed_s=self._clock(), error="", hint=""
        )
        self._keep(changed)
        self._fetch(changed)
        return self._seen(changed)

    def _leave(self, one: Download, state: DownloadState) -> Download:
        seen = self._seen(one)
        run = self._runs.pop(one.id, None)
        if run is not None:
            run.gone = True
        changed = replace(seen, state=state, changed_s=self._clock(), detail="", files=())
        self._keep(changed)
        return changed

    def _fetch(self, one: Download) -> None:
        run = self._runs[one.id] = _Run()
        threading.Thread(
            target=self._follow, args=(one, run), name=f"download {one.id}", daemon=True
        ).start()

    def _follow(self, one: Download, run: _Run) -> None:
        assert one.spec.source is not None
        try:
            ended = _whole(one, self._fetches.fetch(one.spec.source, run))
        except XinferError as error:
            ended = _failed(one, run, error.message, error.hint)
        except Exception as error:
            # Nobody waits in this process: what broke is told by the list.
            log.exception("The download %s broke.", one.id)
            ended = _failed(one, run, f"The fetch broke: {type(error).__name__}: {error}.", "")
        with self._lock:
            # One that was paused or cancelled meanwhile is what it was made to be.
            if self._runs.get(one.id) is run:
                del self._runs[one.id]
                self._keep(replace(ended, changed_s=self._clock()))

    def _seen(self, one: Download) -> Download:
        run = self._runs.get(one.id)
        return one if run is None else _with(one, run.transfer)

    def _keep(self, one: Download) -> None:
        self._known[one.id] = one
        ended = [each.id for each in self._known.values() if not each.state.is_active]
        for old in ended[:-_KEPT_ENDED]:
            del self._known[old]
        self._write()

    def _write(self) -> None:
        temporary = self._path.with_suffix(".tmp")
        try:
            temporary.write_bytes(msgspec.json.encode(tuple(self._known.values())))
            temporary.replace(self._path)
        except OSError as error:
            # It is only needed to outlive the worker.
            log.warning("The downloads could not be kept in %s: %s", self._path, error)


def launching(specs: Iterable[ModelSpec], fetches: Fetches) -> Iterator[Download]:
    """The fetches that launches of these models wait for, as downloads under the models' uids."""
    for spec in specs:
        transfer = fetches.transfer(spec.source) if spec.source is not None else None
        if transfer is not None:
            yield _with(Download(id=spec.uid, spec=bare(spec), of_launch=True), transfer)


def _read(path: Path) -> Iterable[Download]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[Download, ...])
    except FileNotFoundError:
        return ()
    except (msgspec.DecodeError, OSError) as error:
        log.warning("The kept downloads in %s are not readable: %s", path, error)
        return ()


def _with(one: Download, transfer: Transfer) -> Download:
    return replace(
        one,
        progress=transfer.share,
        detail=transfer.text,
        files=transfer.files,
        done_bytes=transfer.done_bytes,
        total_bytes=transfer.total_bytes,
    )


def _whole(one: Download, files: Files) -> Download:
    paths = files.paths or tuple(path for path in files.root.rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in paths)
    return replace(
        one,
        state=DownloadState.DONE,
        progress=1.0,
        done_bytes=size,
        total_bytes=size,
        path=str(files.root),
    )


def _failed(one: Download, run: _Run, error: str, hint: str) -> Download:
    seen = replace(_with(one, run.transfer), detail="", files=())
    return replace(seen, state=DownloadState.FAILED, error=error, hint=hint)


def _taken(download_id: str) -> Conflict:
    return Conflict(
        f"The download {download_id} is under way and fetches other files.",
        "Choose another cache_uid, or cancel that one first.",
    )
