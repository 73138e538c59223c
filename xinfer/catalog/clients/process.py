"""Sends a client process on an errand and waits for it, for as long as somebody wants it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from xinfer.catalog.clients.errand import (
    OUTCOME_FILE,
    PROGRESS_FILE,
    Errand,
    Kind,
    Outcome,
    Progress,
    Trouble,
)

_POLL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientProgram:
    """A client: the module to run and what is added to its environment."""

    module: str
    env: Mapping[str, str] = field(default_factory=dict)


class Abandoned(Exception):
    """Nobody wants the outcome any more; the client was ended."""


def send(
    program: ClientProgram,
    errand: Errand,
    cancelled: Callable[[], bool],
    see: Callable[[Progress], None],
    limit_s: float | None = None,
) -> Outcome:
    """Run the errand. `see` is told of progress; after `limit_s` the hub counts as unreachable.

    Raises Abandoned as soon as `cancelled` says so.
    """
    with tempfile.TemporaryDirectory(prefix="xinfer-fetch-") as scratch:
        folder = Path(scratch)
        said = folder / "stderr.log"
        with (
            said.open("wb") as log,
            subprocess.Popen(
                [sys.executable, "-m", program.module, scratch],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, **program.env},
            ) as client,
        ):
            try:
                _order(client, errand)
                ended = _wait(client, folder, cancelled, see, limit_s)
            finally:
                client.kill()
        if not ended:
            return Outcome(trouble=_late(errand, limit_s))
        return _outcome(folder, client.returncode, said)


def _order(client: subprocess.Popen[bytes], errand: Errand) -> None:
    assert client.stdin is not None
    try:
        client.stdin.write(msgspec.json.encode(errand) + b"\n")
        client.stdin.flush()
    except BrokenPipeError:
        # It ended at once; its last words say why.
        return


def _wait(
    client: subprocess.Popen[bytes],
    folder: Path,
    cancelled: Callable[[], bool],
    see: Callable[[Progress], None],
    limit_s: float | None,
) -> bool:
    """Whether it ended by itself."""
    deadline = None if limit_s is None else time.monotonic() + limit_s
    while client.poll() is None:
        _look(folder, see)
        if cancelled():
            raise Abandoned
        if deadline is not None and time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    _look(folder, see)
    return True


def _look(folder: Path, see: Callable[[Progress], None]) -> None:
    path = folder / PROGRESS_FILE
    if path.exists():
        see(msgspec.json.decode(path.read_bytes(), type=Progress))


def _outcome(folder: Path, code: int, said: Path) -> Outcome:
    path = folder / OUTCOME_FILE
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Outcome)
    if code < 0:
        by = signal.Signals(-code).name
        return Outcome(trouble=Trouble(kind=Kind.ENDED, detail=f"the client was ended by {by}"))
    lines = said.read_text(errors="replace").strip().splitlines()
    detail = lines[-1] if lines else f"the client ended with {code}"
    # Its frame could not write down what happened.
    kind = Kind.DISK if "No space left" in detail else Kind.OTHER
    return Outcome(trouble=Trouble(kind=kind, detail=detail))


def _late(errand: Errand, limit_s: float | None) -> Trouble:
    return Trouble(
        kind=Kind.UNREACHABLE, detail=f"no answer from {errand.endpoint} within {limit_s:.0f} s"
    )
