"""What is kept on this machine, and its removal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.hub.models import REPO, SIZE, WANTED, WEIGHTS, machine, site, source, write_repo
from tests.hub.server import HubServer, serving
from tests.unit.watching import Watching
from xinfer.catalog.cache import Cache, CacheEntry
from xinfer.catalog.listings import Listings
from xinfer.domain.model import Hub, Source
from xinfer.errors import Conflict, NotFound

REMOTE = (Hub.HUGGINGFACE, Hub.MODELSCOPE)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HubServer]:
    write_repo(tmp_path / "models")
    with serving(tmp_path / "models") as running:
        yield running


def cache(folder: Path) -> Cache:
    places = {
        Hub.HUGGINGFACE: (folder / "hf",),
        Hub.MODELSCOPE: (folder / "ms",),
        Hub.PACKAGE: (folder / "packages",),
    }
    return Cache(places, Listings(folder / "listings"))


def the_only(entries: tuple[CacheEntry, ...], hub: Hub) -> CacheEntry:
    (found,) = (entry for entry in entries if entry.hub is hub)
    return found


def test_nothing_yet(tmp_path: Path) -> None:
    assert cache(tmp_path).entries() == ()


def test_everything_that_was_fetched_is_listed(server: HubServer, tmp_path: Path) -> None:
    for hub in REMOTE:
        machine(tmp_path, site(hub, server.url, tmp_path)).fetch(source(hub), Watching())
    (tmp_path / "packages" / "llm-x==1.2").mkdir(parents=True)
    (tmp_path / "packages" / "llm-x==1.2" / "x.gguf").write_bytes(b"GGUF")
    (tmp_path / "packages" / ".fetch-y").mkdir()
    (tmp_path / "ms" / "hub" / "models" / "org" / "old___one").mkdir(parents=True)
    (tmp_path / "ms" / "hub" / "models" / "org" / "old___one" / "a.gguf").write_bytes(b"GGUF")
    entries = cache(tmp_path).entries()
    assert [(entry.hub, entry.ref) for entry in entries] == [
        (Hub.HUGGINGFACE, REPO),
        (Hub.MODELSCOPE, "org/old.one"),
        (Hub.MODELSCOPE, REPO),
        (Hub.PACKAGE, "llm-x"),
    ]
    fetched = the_only(entries, Hub.HUGGINGFACE)
    assert {file.name for file in fetched.files} == WANTED
    assert fetched.revisions == (server.commit(REPO),)
    assert SIZE < fetched.size_bytes < SIZE + 10_000
    assert fetched.used_s > 0
    weights = next(file for file in fetched.files if file.name == WEIGHTS)
    assert (weights.size_bytes, weights.path.stat().st_size) == (SIZE, SIZE)
    assert the_only(entries, Hub.PACKAGE).revisions == ("1.2",)


def test_a_file_that_becomes_whole_meanwhile_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = tmp_path / "hf" / f"models--{REPO.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "a.incomplete").write_bytes(b"half")
    (blobs / "b").write_bytes(b"whole")
    looked = Path.is_symlink

    def finishing(self: Path) -> bool:
        answer = looked(self)
        if self.name == "a.incomplete":
            self.unlink()
        return answer

    # In the midst of the look at the folder.
    monkeypatch.setattr(Path, "is_symlink", finishing)
    (entry,) = cache(tmp_path).entries()
    assert entry.size_bytes >= len(b"whole")


@pytest.mark.parametrize("hub", REMOTE)
def test_removal_is_whole_and_what_is_in_use_stays(
    hub: Hub, server: HubServer, tmp_path: Path
) -> None:
    hubs = machine(tmp_path, site(hub, server.url, tmp_path))
    hubs.fetch(source(hub), Watching())
    kept = cache(tmp_path)
    (entry,) = kept.entries()
    elsewhere = Source(hub=Hub.PATH, ref="/x", mirrors=(source(hub),))
    for user in (source(hub), replace(source(hub), revision="v1"), elsewhere):
        with pytest.raises(Conflict, match="in use"):
            kept.remove(entry, [user])
    kept.remove(entry, [source(hub, ref="org/other")])
    assert kept.entries() == ()
    assert not hubs.plan(source(hub)).present
    with pytest.raises(NotFound):
        kept.remove(entry, [])
    hubs.fetch(source(hub), Watching())
    assert len(server.gets(WEIGHTS)) == 2
