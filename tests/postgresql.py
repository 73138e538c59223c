"""A PostgreSQL of one's own, where the system has its programs: started, stopped, killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.appliance import free_port

_NOBODY = 65534


def _program(name: str) -> str | None:
    """Debian keeps them out of PATH, a folder for each version."""
    beside = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(beside[-1]) if beside else None)


class PostgreSQL:
    """A server on a port of its own, with its data in `folder`. It refuses to run as root."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._data = folder / "data"
        self._at = ("-D", str(self._data))
        self._as = {"user": _NOBODY, "group": _NOBODY} if os.geteuid() == 0 else {}
        if self._as:
            os.chown(folder, _NOBODY, _NOBODY)
        self._count = 0
        self._run("initdb", *self._at, "-A", "trust", "-U", "xinfer", "--no-sync")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self._data} -c fsync=off"
        self._run("pg_ctl", *self._at, "-o", options, "-l", f"{self._data}/log", "-w", "start")

    def stop(self) -> None:
        """At once, as if it had crashed."""
        self._run("pg_ctl", *self._at, "-m", "immediate", "stop")

    def make_database(self) -> str:
        """The URL of a new, empty database."""
        self._count += 1
        name = f"state{self._count}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "xinfer", name)
        return f"postgresql://xinfer@127.0.0.1:{self.port}/{name}"

    def _run(self, name: str, *words: str) -> None:
        program = _program(name)
        assert program is not None
        subprocess.run(
            [program, *words],
            check=True,
            timeout=60,
            stdout=subprocess.DEVNULL,
            cwd="/",
            **self._as,  # type: ignore[call-overload]
        )


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """A server that is up; skips the test where PostgreSQL is not installed."""
    if _program("initdb") is None:
        pytest.skip("needs PostgreSQL's server programs (Debian: postgresql)")
    # Not below pytest's own folder, which only its owner may enter.
    with tempfile.TemporaryDirectory() as folder:
        server = PostgreSQL(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
