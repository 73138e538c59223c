"""What hubs said that their repositories hold, kept so that no hub is asked for what is here."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import msgspec

from xinfer.catalog.clients.errand import Listing
from xinfer.domain.model import Source


class Listings:
    """The last listing of each source whose files were all here, one file each below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, source: Source) -> Listing | None:
        """None when there is none, or one that cannot be read."""
        try:
            return msgspec.json.decode(self._path(source).read_bytes(), type=Listing)
        except (OSError, msgspec.DecodeError):
            return None

    def write(self, source: Source, listing: Listing) -> None:
        path = self._path(source)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_bytes(msgspec.json.encode(listing))
        draft.replace(path)

    def forget(self, hub: str, ref: str) -> None:
        """All revisions of a repository."""
        for path in self._repo(hub, ref).glob("*.json"):
            path.unlink(missing_ok=True)

    def _path(self, source: Source) -> Path:
        return self._repo(source.hub, source.ref) / f"{quote(source.revision or '', safe='')}@.json"

    def _repo(self, hub: str, ref: str) -> Path:
        return self._folder / hub / ref.replace("/", "--")
