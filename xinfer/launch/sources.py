"""Where model files can come from on this machine."""

from __future__ import annotations

from xinfer.catalog.hubs.package import PackageHub
from xinfer.catalog.hubs.path import PathHub
from xinfer.domain.home import Home
from xinfer.domain.model import Hub
from xinfer.domain.ports import Hub as HubPort


def hubs(home: Home) -> dict[Hub, HubPort]:
    """One hub for each kind of source that can be fetched."""
    return {Hub.PATH: PathHub(), Hub.PACKAGE: PackageHub(home.cache / "packages")}
