"""Model files made local, once at a time per source, however many replicas wait for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from xinfer.domain.engine import Files
from xinfer.domain.model import Hub, Source
from xinfer.domain.ports import Hub as HubPort
from xinfer.domain.ports import Transfer, Watcher
from xinfer.errors import Conflict, Invalid

_FIRST_LOOK_S = 0.01
_LOOK_S = 0.2


class Flight:
    """A fetch under way, shared by all who want the same source; `waiting` counts them."""

    def __init__(self) -> None:
        self.transfer = Transfer(share=0.0)
        self.waiting = 0
        self._ended = False
        self._files: Files | None = None
        self._error: Exception | None = None

    def see(self, transfer: Transfer) -> None:
        """Take note of progress, as told by the hub."""
        self.transfer = transfer

    def cancelled(self) -> bool:
        """Whether everyone who waited has gone."""
        return self.waiting == 0

    def land(self, files: Files | None, error: Exception | None) -> None:
        self._files, self._error = files, error
        self._ended = True

    @property
    def ended(self) -> bool:
        return self._ended

    def files(self) -> Files:
        """Only once it has ended. Raises what the hub raised."""
        if self._error is not None or self._files is None:
            raise self._error or RuntimeError("The fetch ended without files.")
        return self._files


class Fetches:
    """Starts and joins flights. `hubs` are the places that files come from."""

    def __init__(self, hubs: Mapping[Hub, HubPort]) -> None:
        self._hubs = hubs
        self._lock = threading.Lock()
        self._flights: dict[Source, Flight] = {}

    def fetch(self, source: Source, watcher: Watcher) -> Files:
        """Block until the files are local; raises what the hub raises, Invalid without a hub.

        A watcher that cancels leaves alone; the flight ends when the last one has left.
        """
        hub = self._hubs.get(source.hub)
        if hub is None:
            raise Invalid(f"There is no hub '{source.hub}' on this node.", key="source")
        with self._lock:
            flight = self._flights.get(source)
            if flight is None or flight.cancelled():
                flight = self._flights[source] = Flight()
                flight.waiting += 1
                threading.Thread(
                    target=self._fly,
                    args=(hub, source, flight),
                    name=f"fetch {source.ref}",
                    daemon=True,
                ).start()
            else:
                flight.waiting += 1
        try:
            pause_s = _FIRST_LOOK_S
            while not flight.ended:
                # Asked again and again: of several greenlets that wait for one event with a time
                # limit, some never wake when it is set at the very end of that time.
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, _LOOK_S)
                watcher.see(flight.transfer)
                if watcher.cancelled():
                    raise Conflict(f"The fetch of {source.ref} was cancelled.")
        finally:
            with self._lock:
                flight.waiting -= 1
        return flight.files()

    def transfer(self, source: Source) -> Transfer | None:
        """How far the flight of a source is; None when there is none."""
        flight = self._flights.get(source)
        return None if flight is None else flight.transfer

    def _fly(self, hub: HubPort, source: Source, flight: Flight) -> None:
        files, failure = None, None
        try:
            files = hub.fetch(source, flight)
        except Exception as error:  # noqa: BLE001 - raised again in everyone who waits
            failure = error
        finally:
            with self._lock:
                if self._flights.get(source) is flight:
                    del self._flights[source]
            flight.land(files, failure)
