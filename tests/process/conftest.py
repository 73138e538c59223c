"""Fixtures of the tests that start real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.process.appliance import Appliance

Start = Callable[..., Appliance]


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Start]:
    """`appliance(recipe, *overrides)` makes an installation that is destroyed afterwards."""
    made: list[Appliance] = []

    def make(recipe: Path | str | None, *overrides: str) -> Appliance:
        made.append(Appliance(tmp_path / f"installation-{len(made)}", recipe, *overrides))
        return made[-1]

    yield make
    for each in made:
        each.destroy()
