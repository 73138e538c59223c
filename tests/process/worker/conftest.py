"""A workplace that is destroyed afterwards, with every process in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process.worker.workplace import Workplace


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Callable[..., Workplace]]:
    made: list[Workplace] = []

    def make(**more: Any) -> Workplace:
        made.append(Workplace(tmp_path / f"place-{len(made)}", **more))
        return made[-1]

    yield make
    for each in made:
        each.destroy()
