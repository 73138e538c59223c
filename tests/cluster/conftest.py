"""Networks of hosts, gone after each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.hosts import Network, can_have_hosts


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    if not can_have_hosts():
        pytest.skip("network namespaces need root and the program ip")
    made = Network(tmp_path)
    yield made
    made.destroy()
