"""When a start has come to its end, as it is told to a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from xinfer.launch import progress
from xinfer.launch.endpoint import Endpoint
from xinfer.launch.progress import Progress


@dataclass
class Supervisor:
    """Answers for one model, `m`, that has no replicas."""

    url: str = "http://there"
    model: dict[str, Any] = field(default_factory=lambda: {"id": "m"})

    def request(self, _method: str, _path: str) -> tuple[int, Any]:
        return 200, {}

    def call(self, _method: str, path: str) -> Any:
        return {"data": [self.model]} if path == "/v1/models" else []


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    monkeypatch.setattr(progress, "_POLL_S", 0.0)
    return Supervisor()


def test_a_refusal_that_passes_is_not_the_end(supervisor: Supervisor) -> None:
    said: list[str] = []
    shown = Progress(cast("Endpoint", supervisor), said.append)
    supervisor.model |= {"state": "failed", "reason": "3 GiB are missing"}
    for _ in range(3):
        shown.step()
        assert not shown.settled
    supervisor.model |= {"state": "ready"}
    shown.step()
    assert (shown.settled, shown.failed) == (True, ())
    assert not [line for line in said if "FAILED" in line]


def test_one_that_lasts_is(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_REFUSED_S", 0.0)
    said: list[str] = []
    shown = Progress(cast("Endpoint", supervisor), said.append)
    supervisor.model |= {"state": "failed", "reason": "3 GiB are missing"}
    shown.step()
    assert (shown.settled, shown.failed) == (True, ("m",))
    assert said[-1].endswith("FAILED       3 GiB are missing")
