"""The page about engines tells what the code accepts."""

from __future__ import annotations

from pathlib import Path

import pytest

from xinfer.engines.reference import option_table, with_tables
from xinfer.engines.registry import Registry

PAGE = Path(__file__).parents[3] / "docs" / "engines.md"


@pytest.mark.parametrize("name", Registry().names())
def test_the_page_is_current(name: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    again = with_tables(page, [Registry().get(name)])
    assert again == page, "run: python -m xinfer.engines.reference docs/engines.md"


@pytest.mark.parametrize("name", Registry().names())
def test_every_option_is_documented(name: str) -> None:
    engine = Registry().get(name)
    table = option_table(engine)
    for option in engine.options:
        assert f"| `{option.name}` |" in table
        assert option.doc.endswith("."), option.name
