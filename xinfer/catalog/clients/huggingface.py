"""Hugging Face by huggingface_hub: its requests, its cache layout, its locks.

The library starts a file over when its process ends. Here the bytes of plain files are taken by its
session into the partial file that lies beside the blob, and resumed from there by whoever comes
next; the library then finds the blob whole and links it. Files kept in Xet storage are fetched by
the library alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xinfer.catalog.clients.child import Corrupt, Gauge, one_line, serve
from xinfer.catalog.clients.errand import Errand, Kind, Listing, RepoFile, Trouble

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

_CHUNK = 1024 * 1024
_BRANCH = "main"
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_LOCK_POLL_S = 0.5


class Cut(Exception):
    """The reply ended before the file did."""


class HuggingFaceClient:
    """One repository at a time; see `child.Client`."""

    def list(self, errand: Errand) -> Listing:
        from huggingface_hub import HfApi

        info = HfApi(endpoint=errand.endpoint, token=errand.token).model_info(
            errand.repo,
            revision=errand.revision or None,
            files_metadata=True,
            timeout=errand.timeout_s,
        )
        files = tuple(
            RepoFile(
                name=sibling.rfilename,
                size_bytes=sibling.size or 0,
                sha256=sibling.lfs.sha256 if sibling.lfs else None,
            )
            for sibling in info.siblings or ()
        )
        return Listing(commit=info.sha or errand.revision or _BRANCH, files=files)

    def fetch(self, errand: Errand, file: RepoFile, gauge: Gauge) -> Path:
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

        url = hf_hub_url(errand.repo, file.name, revision=errand.commit, endpoint=errand.endpoint)
        found = get_hf_file_metadata(url, token=errand.token, endpoint=errand.endpoint)
        if found.etag is None:
            raise Cut(f"{url} has no ETag")
        _check(found, file)
        blob = _storage(errand) / "blobs" / found.etag
        if _in_xet(found):
            gauge.follow(file.name, lambda: _on_disk(blob))
        else:
            self._bring(errand, url, blob, found.size or file.size_bytes, gauge, file.name)
        pointer = hf_hub_download(
            errand.repo,
            file.name,
            revision=errand.commit,
            cache_dir=errand.cache,
            endpoint=errand.endpoint,
            token=errand.token,
        )
        gauge.set(file.name, file.size_bytes)
        return Path(pointer).parents[len(Path(file.name).parts) - 1]

    def finish(self, errand: Errand, root: Path) -> None:
        """Note which commit the branch or tag was, as the library does: offline it asks there."""
        revision = errand.revision or _BRANCH
        if not _COMMIT.match(revision):
            reference = _storage(errand) / "refs" / revision
            reference.parent.mkdir(parents=True, exist_ok=True)
            reference.write_text(root.name, encoding="utf-8")

    def trouble(self, error: BaseException) -> Trouble | None:
        reply = getattr(error, "response", None)
        if reply is not None:
            return _refusal(error, reply)
        names = {kind.__name__ for kind in type(error).__mro__}
        if names & {"ConnectError", "ConnectTimeout", "ProxyError", "OfflineModeIsEnabled"}:
            return Trouble(kind=Kind.UNREACHABLE, detail=one_line(error))
        # The library has changed from one HTTP package to another; the names are the same.
        if isinstance(error, Cut) or "TransportError" in names:
            return Trouble(kind=Kind.CUT, detail=one_line(error))
        return None

    def _bring(
        self, errand: Errand, url: str, blob: Path, size: int, gauge: Gauge, name: str
    ) -> None:
        blob.parent.mkdir(parents=True, exist_ok=True)
        partial = blob.with_name(f"{blob.name}.incomplete")
        gauge.follow(name, lambda: _size(partial) or _size(blob))
        with _alone(errand, blob.name):
            for last in (False, True):
                if blob.exists():
                    return
                _stream(errand, url, partial, size)
                if _size(partial) == size and _is_right(partial, blob.name):
                    partial.replace(blob)
                    return
                partial.unlink()
                if last:
                    raise Corrupt(f"its content is not the {size} bytes of checksum {blob.name}")


def _check(found: HfFileMetadata, file: RepoFile) -> None:
    """The ETag becomes the name of a file, and the size what is fetched at most."""
    if not _PLAIN.match(found.etag or ""):
        raise Corrupt(f"its ETag {found.etag!r} can be no name of a file")
    if found.size not in (None, file.size_bytes):
        raise Corrupt(f"the hub lists {file.size_bytes} bytes and announces {found.size}")


def _stream(errand: Errand, url: str, partial: Path, size: int) -> None:
    """Append what is missing, and hardly more. Raises Cut when the reply ended early."""
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    here = _size(partial)
    if here > size:
        partial.unlink()
        here = 0
    if here == size and partial.exists():
        return
    headers = {**build_hf_headers(token=errand.token), "Accept-Encoding": "identity"}
    if here:
        headers["Range"] = f"bytes={here}-"
    with get_session().stream("GET", url, headers=headers, timeout=errand.timeout_s) as reply:
        if reply.status_code == 416:
            partial.unlink()
            raise Cut("the hub has fewer bytes than were fetched before")
        if reply.is_error:
            reply.read()
        hf_raise_for_status(reply)
        resumed = reply.status_code == 206
        with partial.open("ab" if resumed else "wb") as out:
            for chunk in reply.iter_bytes(_CHUNK):
                out.write(chunk)
                if out.tell() > size:
                    return
    if _size(partial) < size:
        raise Cut(f"the reply ended after {_size(partial)} of {size} bytes")


@contextmanager
def _alone(errand: Errand, etag: str) -> Iterator[None]:
    """One fetch of a blob at a time, by the lock that every user of the library takes."""
    from huggingface_hub.utils import WeakFileLock

    folder = Path(errand.cache) / ".locks" / _storage(errand).name
    folder.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(folder / f"{etag}.lock"):
        yield


def _storage(errand: Errand) -> Path:
    return Path(errand.cache) / f"models--{errand.repo.replace('/', '--')}"


def _in_xet(found: HfFileMetadata) -> bool:
    from huggingface_hub.utils._runtime import is_xet_available

    return found.xet_file_data is not None and is_xet_available()


def _on_disk(blob: Path) -> int:
    """What of a blob is here when the library itself fetches it, in files of its own naming."""
    paths = [blob, *blob.parent.glob(f"{blob.name}.*")]
    return max((path.stat().st_blocks * 512 for path in paths if path.exists()), default=0)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _is_right(path: Path, etag: str) -> bool:
    """Whether the content is what the ETag says: SHA-256, or for small files git's name of it."""
    if _SHA256.match(etag):
        digest = hashlib.sha256()
    elif _COMMIT.match(etag):
        digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    else:
        return True
    with path.open("rb") as content:
        while block := content.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest() == etag


def _refusal(error: BaseException, reply: Any) -> Trouble:
    status = int(reply.status_code)
    code = reply.headers.get("X-Error-Code", "")
    if status in (401, 403):
        kind = Kind.DENIED
    elif status == 404 or code in ("RepoNotFound", "EntryNotFound", "RevisionNotFound"):
        kind = Kind.MISSING
    elif status == 429 or status >= 500 or status == 408:
        kind = Kind.BUSY
    else:
        kind = Kind.OTHER
    return Trouble(
        kind=kind,
        detail=f"gated: {one_line(error)}" if code == "GatedRepo" else one_line(error),
        status=status,
        retry_after_s=_seconds(reply.headers.get("Retry-After")),
    )


def _seconds(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        # A date: rare, and the back-off of our own will do.
        return None


if __name__ == "__main__":
    serve(HuggingFaceClient())
