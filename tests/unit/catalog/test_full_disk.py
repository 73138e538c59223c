"""A cache on a disk that is too small: said before, and survived when it fills up meanwhile."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.faults import Fault
from tests.hub.models import SIZE, WEIGHTS, machine, site, source, write_repo
from tests.hub.server import serving
from tests.unit.watching import Watching
from xinfer.domain.model import Hub
from xinfer.domain.ports import Transfer
from xinfer.errors import LaunchFailed

BOTH = pytest.mark.parametrize("hub", [Hub.HUGGINGFACE, Hub.MODELSCOPE])


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@BOTH
def test_a_shortage_is_named_before_anything_is_fetched(
    hub: Hub, disk: Path, tmp_path: Path
) -> None:
    write_repo(tmp_path / "models")
    (disk / "else").write_bytes(bytes(SIZE))
    with serving(tmp_path / "models") as server:
        hubs = machine(tmp_path, site(hub, server.url, disk))
        with pytest.raises(LaunchFailed, match=r"needs 3 MiB more on the disk of .* free"):
            hubs.fetch(source(hub), Watching())
        assert server.gets(WEIGHTS) == []


@BOTH
def test_a_disk_that_fills_up_meanwhile(hub: Hub, disk: Path, tmp_path: Path) -> None:
    write_repo(tmp_path / "models")
    filler = disk / "else"

    def fill(transfer: Transfer) -> None:
        if transfer.files and not filler.exists():
            filler.write_bytes(bytes(2_000_000))

    with serving(tmp_path / "models") as server:
        server.faults[WEIGHTS] = Fault(pause_s=0.05)
        hubs = machine(tmp_path, site(hub, server.url, disk))
        with pytest.raises(LaunchFailed, match="is full"):
            hubs.fetch(source(hub), Watching(fill))
        server.faults.clear()
        filler.unlink()
        files = hubs.fetch(source(hub), Watching())
    original = tmp_path / "models" / "org" / "tiny.model" / WEIGHTS
    assert (files.root / WEIGHTS).read_bytes() == original.read_bytes()
