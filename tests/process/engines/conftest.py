"""Starts the process that an engine's adapter orders, and ends it after the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.process.engines.served import Served

Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """`serve(spec, files)` starts a replica as a worker would."""
    made: list[Served] = []

    def start(*args: object, **more: object) -> Served:
        folder = tmp_path / f"replica-{len(made)}"
        folder.mkdir()
        made.append(Served(folder, *args, **more))  # type: ignore[arg-type]
        return made[-1]

    yield start
    for each in made:
        each.destroy()
