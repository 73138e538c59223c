"""What holds for all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from tests.postgresql import PostgreSQL, running

# How long an example takes, or how large it is, says nothing of the product.
_PATIENT = (HealthCheck.too_slow, HealthCheck.data_too_large)
settings.register_profile("patient", deadline=None, suppress_health_check=_PATIENT)
settings.load_profile("patient")

TOGETHER = {
    # A new network interface makes Chromium break off what it loads.
    "tests/browser/": "network",
    "tests/cluster/": "network",
    # Each of these engines would like to have all processors.
    "tests/process/engines/": "engines",
    "tests/contract/test_other_kinds_client.py": "engines",
    "tests/contract/test_seed.py": "engines",
    # One server for all of them.
    "tests/process/gateway/": "gateway",
}
"""Tests that run one after the other when others run beside them, by where they are."""


class SideBySide(LoadFileScheduling):  # type: ignore[misc]
    """A file at a time for each process, and what belongs TOGETHER in one of them."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return next((group for place, group in TOGETHER.items() if file.startswith(place)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SideBySide:
    return SideBySide(config, log)


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
