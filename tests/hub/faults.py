"""What may go wrong between a hub and its client, switched per file or per listing."""

from __future__ import annotations

from dataclasses import dataclass

LISTING = "<listing>"
"""The path of a fault that concerns the list of files."""


@dataclass
class Fault:
    """Each strikes `times` times, then things are well.

    `status` answers with that and `headers`; without it they take the place of those of a file of
    Hugging Face's. `cut_after` ends the reply after so many bytes of it; `garbled` serves bytes
    that are not the file's, `endless` more and more; `pause_s` waits before every `chunk` bytes.
    """

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    cut_after: int | None = None
    garbled: bool = False
    endless: bool = False
    pause_s: float = 0.0
    chunk: int = 64 * 1024
    times: int = 1_000_000


def gated() -> Fault:
    """A model whose terms this caller has not accepted."""
    return Fault(status=403, headers=(("X-Error-Code", "GatedRepo"),))


def busy(times: int, retry_after_s: int) -> Fault:
    return Fault(status=429, headers=(("Retry-After", str(retry_after_s)),), times=times)
