"""Where model files can come from on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from xinfer.catalog.cache import Cache
from xinfer.catalog.hubs.huggingface import huggingface
from xinfer.catalog.hubs.mirrored import MirroredHub
from xinfer.catalog.hubs.modelscope import modelscope
from xinfer.catalog.hubs.package import PackageHub
from xinfer.catalog.hubs.path import PathHub
from xinfer.catalog.hubs.remote import RemoteHub
from xinfer.catalog.hubs.site import Site
from xinfer.catalog.listings import Listings
from xinfer.config import settings
from xinfer.domain.cached import CachedModel
from xinfer.domain.home import Home
from xinfer.domain.model import Hub, Source
from xinfer.domain.ports import Hub as HubPort


def hubs(home: Home) -> dict[Hub, HubPort]:
    """One hub for each kind of source that can be fetched."""
    remote = MirroredHub({site.hub: RemoteHub(site, _listings(home)) for site in _sites(home)})
    return {
        Hub.PATH: PathHub(),
        Hub.PACKAGE: PackageHub(_packages(home)),
        Hub.HUGGINGFACE: remote,
        Hub.MODELSCOPE: remote,
    }


def cache(home: Home) -> Cache:
    """All that those hubs keep on this machine."""
    places = {site.hub: site.caches for site in _sites(home)}
    return Cache({**places, Hub.PACKAGE: (_packages(home),)}, _listings(home))


class NodeCache:
    """Implements ModelCache over the caches of this machine."""

    def __init__(self, home: Home) -> None:
        self._cache = cache(home)
        self._places = {site.hub: site.caches[0] for site in _sites(home)}
        self._places[Hub.PACKAGE] = _packages(home)

    def cached(self) -> tuple[CachedModel, ...]:
        return tuple(
            CachedModel(
                hub=entry.hub,
                ref=entry.ref,
                path=str(entry.path),
                files=tuple(str(file.path.relative_to(entry.path)) for file in entry.files),
                size_bytes=entry.size_bytes,
                used_s=entry.used_s,
            )
            for entry in self._cache.entries()
        )

    def free_bytes(self) -> Mapping[str, int]:
        return {hub: _free(folder) for hub, folder in self._places.items()}

    def remove(self, hub: str, ref: str, in_use: Iterable[Source]) -> bool:
        wanted = tuple(in_use)
        found = [one for one in self._cache.entries() if (one.hub, one.ref) == (hub, ref)]
        for entry in found:
            self._cache.remove(entry, wanted)
        return bool(found)


def _free(folder: Path) -> int:
    """Bytes; of the nearest folder that is there, as a cache is made when it is first needed."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(there).free


def _packages(home: Home) -> Path:
    return home.cache / "packages"


def _listings(home: Home) -> Listings:
    return Listings(home.cache / "listings")


def _sites(home: Home) -> tuple[Site, Site]:
    """The hubs as the environment has them.

    Where no variable names a cache, ours is under the home folder; the one that other programs of
    this user have is looked into before anything is fetched.
    """
    theirs = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    face, scope = settings.huggingface(os.environ), settings.modelscope(os.environ)
    return (
        huggingface(
            face.endpoint,
            face.token,
            (face.cache,)
            if face.cache
            else (home.cache / "huggingface" / "hub", theirs / "huggingface" / "hub"),
            offline=face.offline,
        ),
        modelscope(
            scope.endpoint,
            scope.token,
            (scope.cache,) if scope.cache else (home.cache / "modelscope", theirs / "modelscope"),
        ),
    )
