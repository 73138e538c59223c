"""What holds for all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.postgresql import PostgreSQL, running


def pytest_configure() -> None:
    """Let Ctrl-C reach the programs under test.

    A runner in the background of a shell is started with SIGINT ignored, and so would be all its
    children; a handler of ours becomes the default in them.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One server for all tests that need one and leave it up."""
    with running() as server:
        yield server
