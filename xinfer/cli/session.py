"""The logins of this person: tokens by server, in a file that is the owner's alone."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xinfer.client import ClientError, RESTfulClient
from xinfer.client.access import refresh

_EARLY_S = 60.0


class Sessions:
    """`folder` is the home folder; it is made when the first login is kept."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "sessions.json"

    def keep(self, endpoint: str, session: Mapping[str, Any]) -> None:
        """Remember what a login or a refresh has given."""
        with self._locked():
            self._write(self._read() | {endpoint: _kept(session)})

    def forget(self, endpoint: str) -> str | None:
        """The refresh token of a session that is no more; None when there was none."""
        if not self._path.exists():
            return None
        with self._locked():
            known = self._read()
            found = known.pop(endpoint, None)
            self._write(known)
        return None if found is None else str(found["refresh_token"])

    def token(self, endpoint: str) -> str | None:
        """An access token that is good for a while yet; refreshed when it was not.

        None without a session, or when the server does not go on with it.
        """
        if not self._path.exists() or endpoint not in self._read():
            return None
        # A refresh token is good for one use: two commands at once take turns.
        with self._locked():
            known = self._read()
            found = known.get(endpoint)
            if found is None or found["expires_s"] - _EARLY_S > time.time():
                return None if found is None else str(found["access_token"])
            try:
                with RESTfulClient(endpoint) as client:
                    session = client.run(refresh(found["refresh_token"]))
            except ClientError:
                return None
            renewed = _kept(session)
            self._write(known | {endpoint: renewed})
            return str(renewed["access_token"])

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, known: Mapping[str, Any]) -> None:
        beside = self._path.with_suffix(".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(known, file)
        beside.replace(self._path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _kept(session: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "access_token": session["access_token"],
        "refresh_token": session["refresh_token"],
        "expires_s": time.time() + float(session.get("expires_in", 1800)),
    }
