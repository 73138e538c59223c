"""What is particular to ModelScope: the folders of its SDKs, old and new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.hub.models import REPO, WEIGHTS, machine, site, source, write_repo
from tests.hub.server import HubServer, serving
from tests.unit.watching import Watching
from xinfer.domain.model import Hub

SCOPE = Hub.MODELSCOPE


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HubServer]:
    write_repo(tmp_path / "models")
    with serving(tmp_path / "models") as running:
        yield running


@pytest.mark.parametrize("above", ["models", "hub/models"])
def test_the_folder_of_an_older_sdk_goes_on_being_used(
    above: str, server: HubServer, tmp_path: Path
) -> None:
    here = site(SCOPE, server.url, tmp_path)
    older = here.caches[0] / above / "org" / "tiny___model"
    write_repo(older.parent, "older")
    (older.parent / "older").rename(older)
    (older / "tokenizer.json").unlink()
    files = machine(tmp_path, here).fetch(source(SCOPE), Watching())
    assert files.root == older
    assert server.gets(WEIGHTS) == []
    assert len(server.gets("tokenizer.json")) == 1


def test_a_revision_has_a_folder_of_its_own(server: HubServer, tmp_path: Path) -> None:
    hubs = machine(tmp_path, site(SCOPE, server.url, tmp_path))
    first = hubs.fetch(source(SCOPE), Watching())
    other = hubs.fetch(source(SCOPE, revision="v1.0"), Watching())
    assert (first.root.name, other.root.name) == ("master", "v1.0")
    assert REPO.replace("/", "--") in str(first.root)


def test_the_token_is_sent(server: HubServer, tmp_path: Path) -> None:
    here = replace(site(SCOPE, server.url, tmp_path), token="ms-secret")
    machine(tmp_path, here).fetch(source(SCOPE), Watching())
    assert {one.token for one in server.asked} == {"ms-secret"}
