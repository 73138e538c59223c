"""Asks workers for the downloads that they carry out, and to begin or end one."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import msgspec

from xinfer.api.worker_call import WorkerCall
from xinfer.domain.download import Download, NodeFetching
from xinfer.domain.node import Contact
from xinfer.gateway.ways import Ways


class WorkerDownloads:
    """Implements NodeDownloads. `token_file` holds the cluster token, `ways` the ways to nodes
    that cannot be connected to.
    """

    def __init__(self, token_file: Path, ways: Ways) -> None:
        self._call = WorkerCall(token_file, ways)

    def at(self, worker: Contact) -> NodeFetching:
        return msgspec.json.decode(self._call.ask(worker, "GET", "/downloads"), type=NodeFetching)

    def begin(self, worker: Contact, order: Download) -> Download:
        said = self._call.ask(worker, "POST", "/downloads", order)
        return msgspec.json.decode(said, type=Download)

    def change(self, worker: Contact, download_id: str, verb: str) -> Download:
        path = f"/downloads/{quote(download_id, safe='')}/{verb}"
        return msgspec.json.decode(self._call.ask(worker, "POST", path), type=Download)
