"""Tables: as wide as they are, folded only where they must be."""

from __future__ import annotations

import io

from rich.console import Console
from rich.text import Text

from xinfer.cli.output import columns, state
from xinfer.cli.table import Columns

TABLE = columns(
    ("UID", "State", "Note"), [("chat", state("ready"), None), ("b[1]", state("-"), "")]
)


def drawn(width: int, table: Columns = TABLE) -> list[str]:
    screen = Console(file=io.StringIO(), width=width, color_system=None)
    with screen.capture() as found:
        screen.print(table)
    return [line.rstrip() for line in found.get().splitlines()]


def test_what_fits_is_as_rich_would_draw_it() -> None:
    plain = TABLE.plain(80, styled=False)
    assert plain is not None
    assert (
        plain.splitlines()
        == drawn(80)
        == ["UID    State   Note", "chat   ready   -", "b[1]   -       -"]
    )


def test_colours_do_not_move_columns() -> None:
    styled = TABLE.plain(None, styled=True)
    assert styled is not None
    assert "\x1b[32mready\x1b[0m   -" in styled


def test_words_are_broken_only_where_they_are_long_or_nothing_else_helps() -> None:
    table = columns(("UID", "Size (in billions)", "Where"), [("qwen2.5-instruct", "0_5", "a" * 60)])
    assert drawn(60, table) == [
        "                   Size (in",
        "UID                billions)        Where",
        "qwen2.5-instruct   0_5              aaaaaaaaaaaaaaaaaaaaaaaa",
        *[f"{' ' * 36}{'a' * 24}", f"{' ' * 36}{'a' * 12}"],
    ]


def test_what_does_not_fit_or_is_not_plain_is_left_to_rich() -> None:
    assert TABLE.plain(18, styled=False) is None
    assert len(drawn(12)) > 3
    for cell in ("日本", "two\nlines", Text("styled")):
        assert columns(("A",), [(cell,)]).plain(None, styled=False) is None
