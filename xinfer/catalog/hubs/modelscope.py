"""ModelScope, with the cache of its SDK."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xinfer.catalog.clients.errand import RepoFile
from xinfer.catalog.clients.process import ClientProgram
from xinfer.catalog.hubs.site import Site
from xinfer.domain.model import Hub, Source

_PROGRAM = ClientProgram(
    module="xinfer.catalog.clients.modelscope",
    # Attempts are made here, where they are seen and can be ended.
    env={"MODELSCOPE_DOWNLOAD_MAX_RETRIES": "0", "MODELSCOPE_REPO_TREE_PAGE_MAX_ATTEMPTS": "1"},
)


def modelscope(endpoint: str, token: str | None, caches: tuple[Path, ...]) -> Site:
    """The site; `caches` are folders with `models` in them."""
    return Site(
        hub=Hub.MODELSCOPE,
        endpoint=endpoint,
        token=token,
        caches=caches,
        program=_PROGRAM,
        package="modelscope_hub",
        folders=_folders,
        partial=_partial,
        token_variable="MODELSCOPE_API_TOKEN",
        endpoint_variable="MODELSCOPE_ENDPOINT",
    )


def _folders(cache: Path, source: Source, commit: str) -> Iterator[Path]:
    """Older SDKs kept one revision in a folder of the repository's name; the newer go on using it
    where there is one.
    """
    owner, _, name = source.ref.partition("/")
    for above in (cache, cache / "hub"):
        older = above / "models" / owner / name.replace(".", "___")
        if older.is_dir() and any(older.iterdir()):
            yield older
    snapshots = cache / "models" / source.ref.replace("/", "--") / "snapshots"
    yield snapshots / (commit or source.revision or "master")


def _partial(cache: Path, source: Source, file: RepoFile) -> Path | None:
    *_, folder = _folders(cache, source, "")
    return folder / f"{file.name}.incomplete"
