"""Asks workers for the model files that they keep."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import msgspec

from xinfer.api.worker_call import WorkerCall
from xinfer.domain.cached import CachedModel
from xinfer.domain.node import Contact
from xinfer.gateway.ways import Ways


class WorkerFiles:
    """Implements NodeFiles. `token_file` holds the cluster token, `ways` the ways to nodes
    that cannot be connected to.
    """

    def __init__(self, token_file: Path, ways: Ways) -> None:
        self._call = WorkerCall(token_file, ways)

    def cached(self, worker: Contact) -> tuple[CachedModel, ...]:
        said = self._call.ask(worker, "GET", "/cache")
        return msgspec.json.decode(said, type=tuple[CachedModel, ...])

    def remove(self, worker: Contact, hub: str, ref: str) -> bool:
        query = urlencode({"hub": hub, "ref": ref})
        return msgspec.json.decode(self._call.ask(worker, "DELETE", f"/cache?{query}"), type=bool)
