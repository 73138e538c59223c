"""Model files that are on this machine already."""

from __future__ import annotations

from pathlib import Path

from xinfer.catalog.select import select
from xinfer.domain.engine import Files
from xinfer.domain.model import Source
from xinfer.domain.ports import FetchPlan, Transfer, Watcher
from xinfer.errors import NotFound


class PathHub:
    """`ref` is a file or a folder; nothing is copied."""

    def plan(self, source: Source) -> FetchPlan:
        files = find(source)
        return FetchPlan(files=tuple(str(path) for path in files.paths), present=True)

    def fetch(self, source: Source, watcher: Watcher) -> Files:
        files = find(source)
        watcher.see(Transfer(share=1.0, text="on this machine"))
        return files


def find(source: Source) -> Files:
    """What a source on this machine consists of. Raises as `Hub.fetch` does."""
    path = Path(source.ref).expanduser()
    try:
        return _look(path, source)
    except OSError as error:
        raise NotFound(
            f"{path} cannot be looked at: {error.strerror or error}.",
            "Check the rights of the user that the worker runs as.",
        ) from error


def _look(path: Path, source: Source) -> Files:
    if path.is_file():
        return Files(root=path.parent, paths=(path,))
    if not path.is_dir():
        raise NotFound(
            f"There is no file or folder {path} on this machine.",
            "Check the path; it is looked up where the worker runs.",
        )
    return Files(root=path, paths=select(path, source.files, str(path)))
