"""What replicas were seen to need, kept so that the next estimate is better than the first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from xinfer.domain.model import ModelSpec

_KEPT = 500
_WORTH_KEEPING = 1.02
"""A new peak counts when it is above the old one by this factor, so that few are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Peaks of main memory in bytes of one replica, by `key_of` its spec; the newest are last."""

    revision: int = 0
    peaks: Mapping[str, int] = field(default_factory=dict)

    def of(self, spec: ModelSpec) -> int | None:
        """Bytes that a replica of such a spec took, or None if none ever ran."""
        return self.peaks.get(key_of(spec))

    def learned(self, seen: Mapping[str, int]) -> Mapping[str, int] | None:
        """The peaks with those of `seen` taken in, or None when there is nothing new to keep."""
        news = {
            key: peak
            for key, peak in seen.items()
            if peak > self.peaks.get(key, 0) * _WORTH_KEEPING
        }
        if not news:
            return None
        peaks = {key: peak for key, peak in self.peaks.items() if key not in news} | news
        return dict(list(peaks.items())[-_KEPT:])


def key_of(spec: ModelSpec) -> str:
    """Twelve hex digits, the same for all specs whose replicas need the same memory."""
    source = spec.source
    parts = {
        "engine": spec.engine,
        "kind": spec.kind,
        "source": [source.ref, source.revision, list(source.files)] if source else None,
        "family": [spec.family, spec.format, spec.size, spec.quantization],
        "options": dict(spec.options),
        "extra_args": list(spec.extra_args),
    }
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
