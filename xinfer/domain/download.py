"""A fetch of model files that somebody asked for without a launch, or that a launch waits for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from xinfer.domain.model import ModelSpec
from xinfer.domain.replica import FileProgress


class DownloadState(StrEnum):
    """Paused is cancelled with the intention to go on: what has arrived stays in both."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_active(self) -> bool:
        """Whether it runs or is meant to go on."""
        return self in (DownloadState.RUNNING, DownloadState.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One download on one node. The source of `spec` says what is fetched, the rest what for.

    `progress` is 0..1, `detail` a short text beside it, `files` those under way, `total_bytes` None
    as long as the size is not known. `error` and `hint` say why it failed, `path` is the folder of
    the files once they are there. `of_launch`: it belongs to the launch of the model `spec.uid`,
    which alone can end it.
    """

    id: str
    spec: ModelSpec
    state: DownloadState = DownloadState.RUNNING
    progress: float = 0.0
    detail: str = ""
    files: tuple[FileProgress, ...] = ()
    done_bytes: int = 0
    total_bytes: int | None = None
    error: str = ""
    hint: str = ""
    path: str = ""
    started_s: float = 0.0
    changed_s: float = 0.0
    of_launch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFetching:
    """What a node says of its downloads, and by hub the bytes that its cache has room for."""

    downloads: tuple[Download, ...]
    free_bytes: Mapping[str, int] = field(default_factory=dict)


def bare(spec: ModelSpec) -> ModelSpec:
    """Without what has nothing to do with files, and may be private."""
    return replace(spec, options={}, extra_args=(), env={})
