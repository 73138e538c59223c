"""The worker's HTTP surface: behind the token, logs as text, followers that hang up."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import falcon.testing
import msgspec
import pytest

from xinfer.domain.cached import CachedModel
from xinfer.domain.download import Download, NodeFetching
from xinfer.domain.engine import Files
from xinfer.domain.model import Hub, ModelSpec, Source
from xinfer.domain.ports import FetchPlan, Watcher
from xinfer.domain.replica import Phase, ReplicaStatus
from xinfer.errors import Conflict, NotFound
from xinfer.worker.app import create_app
from xinfer.worker.downloads import Downloads
from xinfer.worker.fetch import Fetches
from xinfer.worker.journal import Folder

STATUS = ReplicaStatus(replica_id="a-rep0", uid="a", index=0, digest="d", phase=Phase.READY)
KEPT = CachedModel(
    hub="huggingface", ref="a/b", path="/c", files=("x.gguf",), size_bytes=3, used_s=1.0
)
TOKEN = {"Authorization": "Bearer secret"}


class NoHub:
    """Has nothing, and says so at once."""

    def plan(self, source: Source) -> FetchPlan:
        return FetchPlan(files=(), present=False)

    def fetch(self, source: Source, watcher: Watcher) -> Files:
        raise NotFound(f"There is no {source.ref}.")


class OneReplica:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.downloads = Downloads(Fetches({Hub.PATH: NoHub()}), path / "downloads.json")

    def fetching(self) -> tuple[Download, ...]:
        return self.downloads.all()

    def statuses(self) -> tuple[ReplicaStatus, ...]:
        return (STATUS,)

    def sources(self) -> tuple[Source, ...]:
        return (Source(hub=Hub.HUGGINGFACE, ref="a/used"),)

    def folder(self, replica_id: str) -> Folder | None:
        return Folder(self._path) if replica_id == "a-rep0" else None


class OneModel:
    """A cache with one model, which replicas may be using."""

    def cached(self) -> tuple[CachedModel, ...]:
        return (KEPT,)

    def free_bytes(self) -> dict[str, int]:
        return {"huggingface": 7}

    def remove(self, hub: str, ref: str, in_use: Iterable[Source]) -> bool:
        if ref in {source.ref for source in in_use}:
            raise Conflict(f"The files of {ref} are in use.")
        return (hub, ref) == (KEPT.hub, KEPT.ref)


@pytest.fixture
def client(tmp_path: Path) -> falcon.testing.TestClient:
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "engine.log").write_text("one\ntwo\nthree\n")
    node: Any = OneReplica(tmp_path)
    return falcon.testing.TestClient(create_app(node, tmp_path / "token", OneModel()))


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer other"}, {"Authorization": ""}])
def test_without_the_token_only_health(
    client: falcon.testing.TestClient, headers: dict[str, str]
) -> None:
    assert client.simulate_get("/health", headers=headers).json == {"status": "ok"}
    assert client.simulate_get("/replicas", headers=headers).status_code == 401
    assert client.simulate_get("/replicas/a-rep0/log", headers=headers).status_code == 401


def test_an_empty_token_file_lets_nobody_in(
    client: falcon.testing.TestClient, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("")
    reply = client.simulate_get("/replicas", headers={"Authorization": "Bearer "})
    assert reply.status_code == 401


def test_replicas_are_listed(client: falcon.testing.TestClient) -> None:
    (found,) = client.simulate_get("/replicas", headers=TOKEN).json
    assert found["replica_id"] == "a-rep0"
    assert found["phase"] == "ready"


def test_a_log_is_text(client: falcon.testing.TestClient) -> None:
    reply = client.simulate_get("/replicas/a-rep0/log", params={"tail": 2}, headers=TOKEN)
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.text == "two\nthree\n"
    assert client.simulate_get("/replicas/b-rep0/log", headers=TOKEN).status_code == 404
    wrong = client.simulate_get("/replicas/a-rep0/log", params={"tail": "x"}, headers=TOKEN)
    assert wrong.status_code == 400


def test_following_ends_when_the_reader_hangs_up(client: falcon.testing.TestClient) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        reply = client.simulate_get(
            "/replicas/a-rep0/log",
            params={"follow": "1", "tail": 1},
            headers=TOKEN,
            extras={"gunicorn.socket": ours},
        )
    assert reply.text == "three\n"


def test_kept_files_are_listed_and_go_unless_they_are_used(
    client: falcon.testing.TestClient,
) -> None:
    (found,) = client.simulate_get("/cache", headers=TOKEN).json
    assert (found["ref"], found["files"], found["size_bytes"]) == ("a/b", ["x.gguf"], 3)
    gone = {"hub": "huggingface", "ref": "a/b"}
    assert client.simulate_delete("/cache", params=gone, headers=TOKEN).json is True
    used = client.simulate_delete("/cache", params={**gone, "ref": "a/used"}, headers=TOKEN)
    assert used.status_code == 409
    assert "in use" in used.json["description"]
    assert client.simulate_delete("/cache", params=gone).status_code == 401


def test_a_download_begins_shows_and_is_forgotten(client: falcon.testing.TestClient) -> None:
    order = Download(
        id="d", spec=ModelSpec(uid="m", engine="", source=Source(hub=Hub.PATH, ref="/"))
    )

    def post(path: str, body: bytes = b"", headers: dict[str, str] = TOKEN) -> int:
        return int(client.simulate_post(path, body=body, headers=headers).status_code)

    assert post("/downloads", msgspec.json.encode(order)) == 200
    assert post("/downloads", b"{}") == 400
    assert post("/downloads", msgspec.json.encode(order), {}) == 401

    def listed() -> NodeFetching:
        reply = client.simulate_get("/downloads", headers=TOKEN)
        return msgspec.json.decode(reply.content, type=NodeFetching)

    while (found := listed()).downloads[0].state != "failed":
        assert found.free_bytes == {"huggingface": 7}
    assert found.downloads[0].error == "There is no /."
    assert post("/downloads/d/pause") == 409
    assert post("/downloads/d/explode") == 404
    assert post("/downloads/e/forget") == 404
    assert post("/downloads/d/forget") == 200
    assert listed().downloads == ()
