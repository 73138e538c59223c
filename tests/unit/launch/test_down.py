"""`xinfer down` where it may not touch what it finds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from xinfer.domain.home import Home
from xinfer.errors import Forbidden, NotFound
from xinfer.launch import down

NOBODY = 65534


@contextmanager
def not_allowed(folder: Path) -> Iterator[None]:
    """Whoever runs this may not look into `folder`: not even root, who becomes somebody else."""
    folder.chmod(0)
    own = os.geteuid()
    if own == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(own)
        folder.chmod(0o700)


def test_an_installation_of_another_user_is_told_from_none(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.run.mkdir(parents=True)
    (home.run / "launcher.lock").touch()
    with not_allowed(home.run), pytest.raises(Forbidden, match=f"another user's: {home.run}"):
        down.main(home)
    with pytest.raises(NotFound):
        down.main(home)
