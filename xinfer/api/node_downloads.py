"""Asks workers for the downloads that they carry out, and to begin or end one."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import msgspec

from xinfer.api.worker_call import WorkerCall
from xinfer.domain.download import Download, NodeFetching


class WorkerDownloads:
    """Implements NodeDownloads. `token_file` holds the cluster token."""

    def __init__(self, token_file: Path) -> None:
        self._call = WorkerCall(token_file)

    def at(self, address: str) -> NodeFetching:
        return msgspec.json.decode(self._call.ask(address, "GET", "/downloads"), type=NodeFetching)

    def begin(self, address: str, order: Download) -> Download:
        said = self._call.ask(address, "POST", "/downloads", order)
        return msgspec.json.decode(said, type=Download)

    def change(self, address: str, download_id: str, verb: str) -> Download:
        path = f"/downloads/{quote(download_id, safe='')}/{verb}"
        return msgspec.json.decode(self._call.ask(address, "POST", path), type=Download)
