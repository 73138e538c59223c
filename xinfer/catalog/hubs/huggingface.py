"""The Hugging Face hub, with the cache of its library."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from xinfer.catalog.clients.errand import RepoFile
from xinfer.catalog.clients.process import ClientProgram
from xinfer.catalog.hubs.site import Site
from xinfer.domain.model import Hub, Source

_PROGRAM = ClientProgram(
    module="xinfer.catalog.clients.huggingface",
    env={"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
)
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


def huggingface(
    endpoint: str, token: str | None, caches: tuple[Path, ...], *, offline: bool
) -> Site:
    """The site; `caches` are folders with `models--org--repo` in them."""
    return Site(
        hub=Hub.HUGGINGFACE,
        endpoint=endpoint,
        token=token,
        caches=caches,
        program=_PROGRAM,
        package="huggingface_hub",
        folders=_folders,
        partial=_partial,
        token_variable="HF_TOKEN",
        endpoint_variable="HF_ENDPOINT",
        offline="HF_HUB_OFFLINE" if offline else "",
    )


def storage(cache: Path, ref: str) -> Path:
    """Where a cache keeps all revisions of a repository."""
    return cache / f"models--{ref.replace('/', '--')}"


def _folders(cache: Path, source: Source, commit: str) -> Iterator[Path]:
    snapshots = storage(cache, source.ref) / "snapshots"
    if commit:
        yield snapshots / commit
        return
    revision = source.revision or "main"
    if _COMMIT.match(revision):
        yield snapshots / revision
    else:
        try:
            found = (storage(cache, source.ref) / "refs" / revision).read_text(encoding="utf-8")
        except OSError:
            return
        yield snapshots / found.strip()


def _partial(cache: Path, source: Source, file: RepoFile) -> Path | None:
    if file.sha256 is None:
        return None
    return storage(cache, source.ref) / "blobs" / f"{file.sha256}.incomplete"
