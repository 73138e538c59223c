"""Sources with mirrors: from where they are here already, else from the first hub that answers."""

from __future__ import annotations

from collections.abc import Mapping

from xinfer.catalog.clients.errand import Kind, Trouble
from xinfer.catalog.hubs.remote import RemoteHub, Wish, present, refuse
from xinfer.catalog.hubs.site import failure, unreachable
from xinfer.domain.engine import Files
from xinfer.domain.model import Hub, Source
from xinfer.domain.ports import FetchPlan, Transfer, Watcher
from xinfer.errors import XinferError


class MirroredHub:
    """All hubs on the network as one: a source's own hub first, then its mirrors in their order."""

    def __init__(self, hubs: Mapping[Hub, RemoteHub]) -> None:
        self._hubs = hubs

    def plan(self, source: Source) -> FetchPlan:
        """Raises as `fetch` does when no hub can be asked and the files are not here."""
        places = self._places(source)
        kept = self._kept(places)
        if kept is not None:
            return present(kept)
        troubles: list[Trouble] = []
        for hub, place in places:
            wish = hub.ask(place, _Nobody(), hurry=len(places) > 1)
            if isinstance(wish, Wish):
                return hub.plan(wish)
            refuse(hub, place, wish)
            troubles.append(wish)
        return present(self._guessed(places, troubles))

    def fetch(self, source: Source, watcher: Watcher) -> Files:
        """Files that are here are used without asking whether their hub has newer ones."""
        places = self._places(source)
        files = self._kept(places) or self._fetch(places, watcher)
        watcher.see(Transfer(share=1.0, text="in place"))
        return files

    def _fetch(self, places: list[tuple[RemoteHub, Source]], watcher: Watcher) -> Files:
        troubles: list[Trouble] = []
        for hub, place in places:
            got: Wish | Files | Trouble = hub.ask(place, watcher, hurry=len(places) > 1)
            if isinstance(got, Wish):
                got = hub.bring(got, watcher)
            if isinstance(got, Files):
                return got
            refuse(hub, place, got)
            troubles.append(got)
        return self._guessed(places, troubles)

    def _places(self, source: Source) -> list[tuple[RemoteHub, Source]]:
        """The source itself and its mirrors on hubs that can be spoken to."""
        first = (self._hubs[source.hub], source)
        others = [
            (self._hubs[mirror.hub], mirror)
            for mirror in source.mirrors
            if mirror.hub in self._hubs and self._hubs[mirror.hub].installed
        ]
        return [first, *others] if first[0].installed or not others else others

    def _kept(self, places: list[tuple[RemoteHub, Source]]) -> Files | None:
        for hub, place in places:
            # Who forbids asking a hub means its cache to be used, not another hub.
            files = hub.kept(place) or (hub.guessed(place) if hub.site.offline else None)
            if files is not None:
                return files
        return None

    def _guessed(self, places: list[tuple[RemoteHub, Source]], troubles: list[Trouble]) -> Files:
        """What looks whole here. Raises LaunchFailed when nothing does."""
        for hub, place in places:
            files = hub.guessed(place)
            if files is not None:
                return files
        raise _nowhere(places, troubles)


class _Nobody:
    """Watches a plan: nobody."""

    def see(self, transfer: Transfer) -> None:
        """Nobody is there to be told."""

    def cancelled(self) -> bool:
        return False


def _nowhere(places: list[tuple[RemoteHub, Source]], troubles: list[Trouble]) -> XinferError:
    hub, source = places[0]
    if all(trouble.kind is Kind.UNREACHABLE for trouble in troubles):
        return unreachable([hub.site for hub, _ in places], source, troubles[0])
    last = next(
        index for index, trouble in enumerate(troubles) if trouble.kind is not Kind.UNREACHABLE
    )
    hub, source = places[last]
    return failure(hub.site, source, troubles[last])
