"""Model files made local, once at a time per source, however many replicas wait for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from xinfer.domain.engine import Files
from xinfer.domain.model import Hub, Source
from xinfer.domain.ports import Hub as HubPort
from xinfer.errors import Invalid


class Flight:
    """A fetch under way, shared by all who want the same source."""

    def __init__(self) -> None:
        self.progress = 0.0
        self.detail = ""
        self._ended = threading.Event()
        self._files: Files | None = None
        self._error: Exception | None = None

    def see(self, share: float, detail: str) -> None:
        """Take note of progress, as told by the hub."""
        self.progress, self.detail = share, detail

    def land(self, files: Files | None, error: Exception | None) -> None:
        self._files, self._error = files, error
        self._ended.set()

    def wait(self, interval_s: float) -> bool:
        """Whether it has ended, after `interval_s` at the latest."""
        return self._ended.wait(interval_s)

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

    def fetch(self, source: Source, progress: Callable[[float, str], None]) -> Files:
        """Block until the files are local; raises what the hub raises, Invalid without a hub."""
        hub = self._hubs.get(source.hub)
        if hub is None:
            raise Invalid(f"There is no hub '{source.hub}' on this node.", key="source")
        with self._lock:
            flight = self._flights.get(source)
            if flight is None:
                flight = self._flights[source] = Flight()
                threading.Thread(
                    target=self._fly,
                    args=(hub, source, flight),
                    name=f"fetch {source.ref}",
                    daemon=True,
                ).start()
        while not flight.wait(0.2):
            progress(flight.progress, flight.detail)
        return flight.files()

    def _fly(self, hub: HubPort, source: Source, flight: Flight) -> None:
        files, failure = None, None
        try:
            files = hub.fetch(source, flight.see)
        except Exception as error:  # noqa: BLE001 - raised again in everyone who waits
            failure = error
        finally:
            with self._lock:
                del self._flights[source]
            flight.land(files, failure)
