"""Asks workers for the model files that they keep."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import msgspec

from xinfer.api.worker_call import WorkerCall
from xinfer.domain.cached import CachedModel


class WorkerFiles:
    """Implements NodeFiles. `token_file` holds the cluster token."""

    def __init__(self, token_file: Path) -> None:
        self._call = WorkerCall(token_file)

    def cached(self, address: str) -> tuple[CachedModel, ...]:
        said = self._call.ask(address, "GET", "/cache")
        return msgspec.json.decode(said, type=tuple[CachedModel, ...])

    def remove(self, address: str, hub: str, ref: str) -> bool:
        query = urlencode({"hub": hub, "ref": ref})
        return msgspec.json.decode(self._call.ask(address, "DELETE", f"/cache?{query}"), type=bool)
