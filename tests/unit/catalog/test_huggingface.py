"""What is particular to the Hugging Face hub: one cache with everybody who uses its library."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.hub.faults import Fault, gated
from tests.hub.models import REPO, WANTED, WEIGHTS, machine, site, source, write_repo
from tests.hub.server import HubServer, serving
from tests.unit.watching import Watching
from xinfer.catalog.clients.errand import Kind, Listing, RepoFile, Trouble
from xinfer.catalog.hubs.site import check_names, failure
from xinfer.domain.model import Hub
from xinfer.errors import LaunchFailed, NotFound

FACE = Hub.HUGGINGFACE


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HubServer]:
    write_repo(tmp_path / "models")
    with serving(tmp_path / "models") as running:
        yield running


def by_library(code: str, endpoint: str, cache: Path) -> str:
    """What a program of somebody else prints that uses the library with this cache."""
    done = subprocess.run(
        [sys.executable, "-c", f"import huggingface_hub as hub\n{code}"],
        env={**os.environ, "HF_ENDPOINT": endpoint, "HF_HUB_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=True,
        timeout=150,
    )
    return done.stdout.strip()


def test_what_the_library_fetched_is_used(server: HubServer, tmp_path: Path) -> None:
    cache = tmp_path / "hf"
    root = by_library(f"print(hub.snapshot_download({REPO!r}))", server.url, cache)
    fetched = len(server.gets(WEIGHTS))
    here = site(FACE, server.url, tmp_path)
    hubs = machine(tmp_path, here)
    assert hubs.fetch(source(FACE), Watching()).root == Path(root)
    assert len(server.gets(WEIGHTS)) == fetched
    # Also from a cache that is only looked into, which our own cache comes before.
    beside = replace(here, caches=(tmp_path / "ours", cache))
    assert machine(tmp_path / "2", beside).fetch(source(FACE), Watching()).root == Path(root)
    assert not list((tmp_path / "ours").glob("models--*"))


def test_the_library_finds_what_was_fetched_here(server: HubServer, tmp_path: Path) -> None:
    here = site(FACE, server.url, tmp_path)
    files = machine(tmp_path, here).fetch(source(FACE), Watching())
    server.stop()
    code = f"print(hub.snapshot_download({REPO!r}, local_files_only=True))"
    assert by_library(code, server.url, here.caches[0]) == str(files.root)


def test_a_partial_file_of_the_library_is_resumed(server: HubServer, tmp_path: Path) -> None:
    here = site(FACE, server.url, tmp_path)
    original = server.folder / REPO / WEIGHTS
    hubs = machine(tmp_path, here)
    files = hubs.fetch(source(FACE), Watching())
    blob = (files.root / WEIGHTS).resolve()
    blob.rename(blob.with_name(f"{blob.name}.incomplete"))
    os.truncate(blob.with_name(f"{blob.name}.incomplete"), 1_000_000)
    plan = hubs.plan(source(FACE))
    assert plan.files == (WEIGHTS,)
    assert plan.missing_bytes == original.stat().st_size - 1_000_000
    hubs.fetch(source(FACE), Watching())
    assert blob.read_bytes() == original.read_bytes()
    assert server.gets(WEIGHTS)[-1].start == 1_000_000


def test_the_token_is_sent(server: HubServer, tmp_path: Path) -> None:
    here = replace(site(FACE, server.url, tmp_path), token="hf_secret")
    machine(tmp_path, here).fetch(source(FACE), Watching())
    assert {one.token for one in server.asked} == {"hf_secret"}


def test_a_gated_model(server: HubServer, tmp_path: Path) -> None:
    server.faults[WEIGHTS] = gated()
    with pytest.raises(LaunchFailed) as failed:
        machine(tmp_path, site(FACE, server.url, tmp_path)).fetch(source(FACE), Watching())
    assert "gated" in failed.value.message
    assert "Accept its terms on its page, and set HF_TOKEN" in failed.value.hint


@pytest.mark.parametrize("kind", Kind)
def test_only_a_refusal_is_definite(kind: Kind, tmp_path: Path) -> None:
    trouble = Trouble(kind=kind, detail="it said so", status=499)
    error = failure(site(FACE, "http://hub", tmp_path), source(FACE), trouble)
    definite = isinstance(error, NotFound) or (isinstance(error, LaunchFailed) and error.definite)
    assert definite == (kind in (Kind.DENIED, Kind.MISSING))


def test_a_commit_and_a_revision_that_is_none(server: HubServer, tmp_path: Path) -> None:
    commit = server.commit(REPO)
    hubs = machine(tmp_path, site(FACE, server.url, tmp_path))
    assert hubs.fetch(source(FACE, revision=commit), Watching()).root.name == commit
    with pytest.raises(NotFound, match=f"has no {REPO} at revision v9"):
        hubs.fetch(source(FACE, revision="v9"), Watching())


def test_offline_nobody_is_asked(server: HubServer, tmp_path: Path) -> None:
    offline = site(FACE, server.url, tmp_path, offline="HF_HUB_OFFLINE")
    with pytest.raises(LaunchFailed, match="not asked, as HF_HUB_OFFLINE is set"):
        machine(tmp_path, offline).fetch(source(FACE), Watching())
    assert server.asked == []
    by_library(f"hub.snapshot_download({REPO!r})", server.url, tmp_path / "hf")
    asked = len(server.asked)
    files = machine(tmp_path, offline).fetch(source(FACE), Watching())
    assert all((files.root / name).is_file() for name in WANTED)
    assert len(server.asked) == asked


def test_what_a_hub_says_of_a_file_cannot_lead_out_of_the_cache(
    server: HubServer, tmp_path: Path
) -> None:
    etag = '"../../../../evil"'
    server.faults[WEIGHTS] = Fault(headers=(("ETag", etag), ("X-Linked-Etag", etag)))
    deep = tmp_path / "a" / "b"
    with pytest.raises(LaunchFailed) as failed:
        machine(deep, site(FACE, server.url, deep)).fetch(source(FACE), Watching())
    assert "can be no name of a file" in failed.value.tail[0]
    assert not [path for path in tmp_path.rglob("*") if "evil" in path.name]


def test_offline_the_cache_comes_before_a_mirror(server: HubServer, tmp_path: Path) -> None:
    by_library(f"hub.snapshot_download({REPO!r})", server.url, tmp_path / "hf")
    asked = len(server.asked)
    offline = site(FACE, server.url, tmp_path, offline="HF_HUB_OFFLINE")
    mirror = site(Hub.MODELSCOPE, server.url, tmp_path)
    wanted = source(FACE, mirrors=(source(Hub.MODELSCOPE),))
    files = machine(tmp_path, offline, mirror).fetch(wanted, Watching())
    assert files.root.is_relative_to(tmp_path / "hf")
    assert len(server.asked) == asked


@pytest.mark.parametrize("name", ["../x.gguf", "/x.gguf", "a/../../x.gguf", ""])
def test_names_that_lead_out_of_the_repository(name: str, tmp_path: Path) -> None:
    here = site(FACE, "http://hub", tmp_path)
    check_names(Listing(commit="main", files=(RepoFile(name="a/b.gguf"),)), here)
    for listing in (
        Listing(commit="main", files=(RepoFile(name=name),)),
        Listing(commit=name, files=()),
    ):
        with pytest.raises(LaunchFailed, match="no name inside a repository"):
            check_names(listing, here)
