"""A watcher of fetches that keeps what it is told."""

from __future__ import annotations

from collections.abc import Callable

from xinfer.domain.ports import Transfer


class Watching:
    """`on` is called with every transfer; set `gone` to cancel."""

    def __init__(self, on: Callable[[Transfer], object] | None = None) -> None:
        self.seen: list[Transfer] = []
        self.gone = False
        self._on = on

    def see(self, transfer: Transfer) -> None:
        self.seen.append(transfer)
        if self._on is not None:
            self._on(transfer)

    def cancelled(self) -> bool:
        return self.gone
