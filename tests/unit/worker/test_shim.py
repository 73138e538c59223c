"""The parts of the shim that need no process: log rotation, lease, births."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xinfer.worker.shim import Lease, RotatingLog, birth, write_atomically


def test_rotation_keeps_so_many_files_and_appends_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    path.write_bytes(b"old.")
    log = RotatingLog(str(path), 10, 3)
    for word in (b"aaaaaa", b"bbbbbb", b"cccccc", b"dddddd"):
        log.write(word)
    assert path.read_bytes() == b"dddddd"
    assert (tmp_path / "engine.log.1").read_bytes() == b"cccccc"
    assert (tmp_path / "engine.log.2").read_bytes() == b"bbbbbb"
    assert not (tmp_path / "engine.log.3").exists()


def test_a_single_file_starts_over(tmp_path: Path) -> None:
    log = RotatingLog(str(tmp_path / "engine.log"), 10, 1)
    log.write(b"aaaaaaaa")
    log.write(b"bbbb")
    assert [path.name for path in tmp_path.iterdir()] == ["engine.log"]
    assert (tmp_path / "engine.log").read_bytes() == b"bbbb"


def test_what_no_disk_takes_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = RotatingLog(str(tmp_path / "engine.log"), 1000, 1)
    log.write(b"before\n")

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr(os, "write", full)
        log.write(b"lost!")
        log.write(b"lost?")
    log.write(b"after\n")
    assert (tmp_path / "engine.log").read_text() == (
        "before\n[10 bytes of log lost: no space]\nafter\n"
    )


def test_a_lease_expires_only_by_seconds_that_were_watched(tmp_path: Path) -> None:
    path = tmp_path / "lease"
    path.touch()
    lease = Lease(str(path), 10.0, now=0.0)
    assert not any(lease.expired(float(now)) for now in range(1, 11))
    os.utime(path, ns=(1, 1))
    assert not any(lease.expired(float(now)) for now in range(11, 21))
    # A pause of ours (suspended, stopped) says nothing about the worker.
    assert not lease.expired(500.0)
    assert not any(lease.expired(float(now)) for now in range(501, 510))
    assert lease.expired(511.0)


def test_a_missing_lease_is_a_stale_one(tmp_path: Path) -> None:
    lease = Lease(str(tmp_path / "absent"), 2.0, now=0.0)
    assert [lease.expired(now) for now in (1.0, 2.0, 3.0)] == [False, False, True]


def test_a_birth_tells_processes_of_one_number_apart() -> None:
    mine = birth(os.getpid())
    assert mine == birth(os.getpid())
    assert mine != birth(1)
    assert birth(2**30) is None


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "it.json"
    write_atomically(str(path), {"a": 1})
    with pytest.raises(TypeError):
        write_atomically(str(path), {"a": object()})
    assert path.read_text() == '{"a": 1}'
