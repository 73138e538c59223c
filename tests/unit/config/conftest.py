"""A folder of one's own, and recipes in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.config.fakes import FakeEngines
from xinfer.config.compile import Compiled, compile_recipe
from xinfer.config.compose import compose
from xinfer.errors import Invalid

Compile = Callable[..., Compiled]
Refuse = Callable[..., Invalid]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def compiled(folder: Path) -> Compile:
    """Compile a recipe given as text, with overrides."""

    def run(text: str | bytes, *overrides: str) -> Compiled:
        file = folder / "chat.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        composed = compose(Path("chat.yaml"), overrides)
        return compile_recipe(composed, FakeEngines(), folder / "home")

    return run


@pytest.fixture
def refused(compiled: Compile) -> Refuse:
    """Compile a recipe that is wrong and return the failure."""

    def run(text: str | bytes, *overrides: str) -> Invalid:
        with pytest.raises(Invalid) as caught:
            compiled(text, *overrides)
        return caught.value

    return run
