"""Full disks, read-only folders, broken and locked files: said in words, nothing stored is lost."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.domain.clusters import spec
from tests.unit.store.conftest import Open
from xinfer.errors import StoreFailed
from xinfer.store import database as module
from xinfer.store.cluster_store import ClusterStore
from xinfer.store.database import Database

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount or to become nobody")


def fill(store: ClusterStore) -> tuple[StoreFailed, int]:
    """Write larger and larger states until it fails; the failure and the last good revision."""
    revision = store.desired().revision
    for turn in range(1, 2000):
        models = {"m": spec(env={"filler": os.urandom(4096).hex() * turn})}
        try:
            revision = store.write_desired(models, expected=revision).revision
        except StoreFailed as failure:
            return failure, revision
    raise AssertionError("it never became full")


@contextmanager
def file_size_limit(limit_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that everybody may enter and only root may write."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def nobody() -> Iterator[None]:
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_files_that_may_not_grow(open_store: Open) -> None:
    store = open_store()
    store.write_desired({"kept": spec("kept")}, expected=0)
    with file_size_limit(300_000):
        failure, revision = fill(store)
        assert store.desired().revision == revision
    assert failure.hint
    assert open_store().desired().revision == revision
    assert store.write_desired({"next": spec("next")}, expected=revision).revision == revision + 1


@as_root
def test_a_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        database = Database(f"sqlite:///{disk}/xinfer.db")
        database.migrate()
        store = ClusterStore(database)
        failure, revision = fill(store)
        assert "full" in failure.message
        assert "Free space" in failure.hint
        assert store.desired().revision == revision
        database.close()
        again = ClusterStore(Database(f"sqlite:///{disk}/xinfer.db"))
        assert again.desired().revision == revision
        again._database.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@as_root
def test_a_folder_that_may_not_be_written(public_folder: Path) -> None:
    with nobody(), pytest.raises(StoreFailed, match="ermission denied") as caught:
        Database(f"sqlite:///{public_folder}/state/xinfer.db").migrate()
    assert "writable" in caught.value.hint
    with nobody(), pytest.raises(StoreFailed, match="unable to open") as caught:
        Database(f"sqlite:///{public_folder}/xinfer.db").migrate()
    assert "writable" in caught.value.hint


@as_root
def test_a_file_that_may_not_be_written(public_folder: Path) -> None:
    url = f"sqlite:///{public_folder}/xinfer.db"
    first = Database(url)
    first.migrate()
    ClusterStore(first).write_desired({"kept": spec("kept")}, expected=0)
    first.close()
    with nobody(), pytest.raises(StoreFailed) as caught:
        ClusterStore(Database(url)).write_desired({}, expected=1)
    assert "writable" in caught.value.hint
    assert list(ClusterStore(Database(url)).desired().models) == ["kept"]


@pytest.mark.parametrize("damage", [b"this is no database, and it is long enough" * 30, b""])
def test_a_file_that_is_no_database(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "xinfer.db"
    path.write_bytes(damage)
    database = Database(f"sqlite:///{path}")
    if not damage:
        database.migrate()
        return
    with pytest.raises(StoreFailed, match="not a database") as caught:
        database.migrate()
    assert str(path) in caught.value.message
    assert "backup" in caught.value.hint
    assert path.read_bytes() == damage


def test_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "xinfer.db"
    first = Database(f"sqlite:///{path}")
    first.migrate()
    ClusterStore(first).write_desired({"m": spec(env={"x": "y" * 20_000})}, expected=0)
    first.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreFailed, match="malformed") as caught:
        ClusterStore(Database(f"sqlite:///{path}")).desired()
    assert "backup" in caught.value.hint


def test_a_lock_is_waited_for_and_then_reported(
    open_store: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    holder = sqlite3.connect(tmp_path / "state" / "xinfer.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            holder.execute("ROLLBACK")

    monkeypatch.setattr(module.time, "sleep", sleep)
    assert store.write_desired({}, expected=0).revision == 1
    assert len(slept) == 3
    holder.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(module, "_LOCKED_S", 0.05)
    assert store.desired().revision == 1, "readers never wait for writers"
    with pytest.raises(StoreFailed, match="locked") as caught:
        store.write_desired({}, expected=1)
    assert "lsof" in caught.value.hint
    holder.execute("ROLLBACK")
    assert store.write_desired({}, expected=1).revision == 2
    holder.close()


def test_a_transaction_that_fails_half_way_leaves_nothing(
    database: Callable[[], Database], open_store: Open
) -> None:
    one = database()

    def fail_half_way() -> None:
        with one.write() as connection:
            connection.exec_driver_sql("INSERT INTO stamps VALUES ('changes', 99)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert open_store().stamp() == 0
    with one.write() as connection:
        connection.exec_driver_sql("INSERT INTO stamps VALUES ('changes', 5)")
    assert open_store().stamp() == 5


def test_an_address_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="nonsense"):
        Database("nonsense")
