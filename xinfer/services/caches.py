"""The model files that nodes keep, by the names that the catalog gives them."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from xinfer.catalog import peer
from xinfer.catalog.family import Family, Kind, Place, Variant
from xinfer.domain.cached import CachedModel
from xinfer.domain.fleet import Policy
from xinfer.domain.names import did_you_mean
from xinfer.domain.node import Contact
from xinfer.domain.ports import NodeFiles
from xinfer.errors import NotFound
from xinfer.services.families import Families
from xinfer.services.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One variant, or what the catalog does not know, on one node."""

    worker: Contact
    model: CachedModel
    version: str
    row: dict[str, Any]
    paths: tuple[str, ...]


class Caches:
    """`view()` tells which nodes there are, as read now; `files` asks them.

    One that was silent for `grace_s` is lost: it is asked only where it is meant by its name.
    """

    def __init__(
        self,
        families: Families,
        files: NodeFiles,
        view: Callable[[], View],
        *,
        grace_s: float = Policy().node_grace_s,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._families = families
        self._files = files
        self._view = view
        self._grace_s = grace_s
        self._clock = clock

    def list(self, name: str = "", node: str = "") -> Rows:
        """What is kept, sorted by name; of one model, or on one node (by name or address)."""
        rows = [one.row for one in self._kept(node) if name in {"", one.row["model_name"]}]
        return sorted(rows, key=lambda row: (row["model_name"].lower(), row["model_version"]))

    def files(self, version: str, node: str = "") -> dict[str, Any]:
        """The files of one version. Raises NotFound with the nearest version."""
        found = self._of(version, node)
        return {
            "model_version": version,
            "worker_ip": found[0].worker.address,
            "paths": [path for one in found for path in one.paths],
        }

    def remove(self, version: str, node: str = "") -> bool:
        """Delete the repositories that a version is kept in, other variants in them too.

        Raises NotFound, and Conflict while a replica uses them.
        """
        found = self._of(version, node)
        done = {(one.worker, one.model.hub, one.model.ref): None for one in found}
        # Every place is asked, also after one that had something.
        removed = [self._files.remove(*place) for place in done]
        return any(removed)

    def _of(self, version: str, node: str) -> Keeps:
        kept = list(self._kept(node))
        found = [one for one in kept if one.version == version]
        if not found:
            raise NotFound(
                f"No node keeps files of '{version}'.",
                did_you_mean(version, [one.version for one in kept]),
            )
        return found

    def _kept(self, node: str) -> Iterator[Kept]:
        index = self._index()
        for state in self._view().observed.nodes.values():
            worker = state.report.contact
            is_lost = self._clock() - state.seen_at_s > self._grace_s
            if (is_lost and not node) or node not in {"", *worker.names}:
                continue
            for model in self._files.cached(worker):
                yield from _kept(worker, model, index.get((model.hub, model.ref), []))

    def _index(self) -> dict[tuple[str, str], Places]:
        """Every variant by hub and repository."""
        found: dict[tuple[str, str], Places] = {}
        for kind in (Kind.LLM, Kind.EMBEDDING, Kind.RERANK):
            for family in self._families.registry().families(kind):
                for variant in family.variants:
                    for hub, place in variant.sources.items():
                        for quantization in place.offered():
                            repo = place.repo.replace("{quantization}", quantization)
                            known = found.setdefault((hub, repo), [])
                            known.append((family, variant, place, quantization))
        return found


Rows = list[dict[str, Any]]
Keeps = list[Kept]
Places = list[tuple[Family, Variant, Place, str]]


def _kept(worker: Contact, model: CachedModel, places: Places) -> Iterator[Kept]:
    """The variants of a repository whose files are there; itself where the catalog has none."""
    known = False
    for family, variant, place, quantization in places:
        paths = _paths(model, variant, place, quantization)
        if paths:
            known = True
            version = peer.version(family, variant, quantization)
            about = {
                "model_name": family.name,
                "model_type": str(family.kind),
                "model_size_in_billions": peer.size(variant.size),
                "model_format": peer.format_name(variant.format),
                "quantization": quantization,
            }
            yield _one(worker, model, version, about, paths)
    if not known:
        about = {
            "model_name": model.ref,
            "model_type": "unknown",
            "model_size_in_billions": None,
            "model_format": None,
            "quantization": None,
        }
        yield _one(worker, model, f"{model.hub}:{model.ref}", about, _all(model))


def _one(
    worker: Contact,
    model: CachedModel,
    version: str,
    about: dict[str, Any],
    paths: tuple[str, ...],
) -> Kept:
    row = {
        **about,
        "model_engine": None,
        "model_version": version,
        "path": model.path,
        "real_path": model.path,
        "actor_ip_address": worker.address,
        "node": worker.node,
        "model_hub": model.hub,
        "size_bytes": model.size_bytes,
        "used_s": model.used_s,
    }
    return Kept(worker=worker, model=model, version=version, row=row, paths=paths)


def _paths(
    model: CachedModel, variant: Variant, place: Place, quantization: str
) -> tuple[str, ...]:
    if variant.format != "gguf":
        return _all(model)
    names = {place.file.replace("{quantization}", quantization)} if place.file else set()
    for part in place.parts.get(quantization, ()):
        split = place.split_file.replace("{quantization}", quantization)
        names.add(split.replace("{part}", part))
    return tuple(
        posixpath.join(model.path, file)
        for file in model.files
        if any(file == name or file.endswith(f"/{name}") for name in names)
    )


def _all(model: CachedModel) -> tuple[str, ...]:
    return tuple(posixpath.join(model.path, file) for file in model.files)
