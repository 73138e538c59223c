"""On whose behalf a request is relayed: what lets it in, and who is told what it used."""

from __future__ import annotations

from typing import Protocol


class Caller(Protocol):
    """All of it is asked on the byte path and must not wait."""

    @property
    def id(self) -> str:
        """Who it is."""
        ...

    def admit(self, uid: str) -> None:
        """Raises Forbidden or Limited when the caller may not use this model, or not now."""
        ...

    def spent(self, uid: str, tokens_in: int, tokens_out: int) -> None:
        """A request that a replica took has ended; tokens are 0 where the engine told none."""
        ...
