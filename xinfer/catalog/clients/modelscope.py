"""ModelScope by modelscope-hub, the part of its SDK that lists and downloads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from xinfer.catalog.clients.child import Gauge, one_line, serve
from xinfer.catalog.clients.errand import Errand, Kind, Listing, RepoFile, Trouble

if TYPE_CHECKING:
    from modelscope_hub import HubApi

_BRANCH = "master"


class ModelScopeClient:
    """One repository at a time; see `child.Client`."""

    def list(self, errand: Errand) -> Listing:
        files = self._api(errand).list_repo_files(
            errand.repo, "model", revision=errand.revision or _BRANCH
        )
        return Listing(
            commit=errand.revision or _BRANCH,
            files=tuple(
                RepoFile(name=file.path, size_bytes=file.size or 0, sha256=file.sha256 or None)
                for file in files
                if file.type != "tree"
            ),
        )

    def fetch(self, errand: Errand, file: RepoFile, gauge: Gauge) -> Path:
        path = self._api(errand).downloader.download_file(
            errand.repo,
            "model",
            file.name,
            revision=errand.commit,
            cache_dir=Path(errand.cache),
            expected_sha256=file.sha256,
            file_size=file.size_bytes,
            progress_callbacks=[_follower(gauge)],
        )
        gauge.set(file.name, file.size_bytes)
        return path.parents[len(Path(file.name).parts) - 1]

    def finish(self, errand: Errand, root: Path) -> None:
        """Nothing: the library names the folder by the revision."""

    def trouble(self, error: BaseException) -> Trouble | None:
        from modelscope_hub import FileIntegrityError, HubError, NetworkError

        if isinstance(error, FileIntegrityError):
            return Trouble(kind=Kind.CORRUPT, detail=one_line(error))
        if getattr(error, "status_code", None):
            return _refusal(error)
        if isinstance(error, NetworkError):
            words = one_line(error)
            known = ("NewConnection", "NameResolution", "ConnectTimeout", "refused", "Proxy")
            lost = any(word in words for word in known)
            return Trouble(kind=Kind.UNREACHABLE if lost else Kind.CUT, detail=words)
        return (
            Trouble(kind=Kind.OTHER, detail=one_line(error))
            if isinstance(error, HubError)
            else None
        )

    def _api(self, errand: Errand) -> HubApi:
        from modelscope_hub import HubApi

        return HubApi(token=errand.token, endpoint=errand.endpoint)


def _follower(gauge: Gauge) -> Any:
    """A class that the library makes one of for each file."""
    from modelscope_hub import ProgressCallback

    class Follower(ProgressCallback):
        def __init__(self, filename: str, file_size: int) -> None:
            super().__init__(filename, file_size)
            self._done = 0

        def update(self, size: int) -> None:
            self._done += size
            gauge.set(self.filename, self._done)

    return Follower


def _refusal(error: Any) -> Trouble:
    status = int(error.status_code)
    if status in (401, 403):
        kind = Kind.DENIED
    elif status == 404:
        kind = Kind.MISSING
    elif status in (408, 429) or status >= 500:
        kind = Kind.BUSY
    else:
        kind = Kind.OTHER
    return Trouble(
        kind=kind,
        detail=one_line(error),
        status=status,
        retry_after_s=getattr(error, "retry_after", None),
    )


if __name__ == "__main__":
    serve(ModelScopeClient())
