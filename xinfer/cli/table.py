"""A table for people. One that fits is written at once; only one that must fold asks rich to.

Loading rich and letting it measure every cell of the catalog takes longer than asking the server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.table import Table

_GAP, _NARROW_GAP = 3, 2
_LONG = 24
"""From this width on a word may be broken: paths and addresses."""


@dataclass(frozen=True, slots=True)
class Word:
    """A cell with a colour that both click and rich know; empty for none."""

    text: str
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """Headers over rows of cells: Word, or whatever else rich can draw."""

    headers: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    @classmethod
    def of(cls, headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> Columns:
        """Cells may be of any type; None shows as a dash."""
        return cls(tuple(headers), tuple(tuple(map(_cell, row)) for row in rows))

    def plain(self, width: int | None, *, styled: bool) -> str | None:
        """The table as text; None when it needs more than `width`, or holds what is not plain.

        `width` None means that there is no limit.
        """
        head = tuple(Word(title, "bold") for title in self.headers)
        lines = (head, *self.rows)
        if not all(_is_plain(cell) for line in lines for cell in line):
            return None
        widths = [max(len(cell.text) for cell in column) for column in zip(*lines, strict=True)]
        if width is not None and sum(widths) + _GAP * (len(widths) - 1) > width:
            return None
        return "\n".join(_line(line, widths, styled=styled) for line in lines)

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[Table]:
        from rich.table import Table
        from rich.text import Text

        gap, widths = self._fit(options.max_width)
        table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
        for header, width in zip(self.headers, widths, strict=True):
            table.add_column(header, overflow="fold", width=width)
        for row in self.rows:
            table.add_row(
                *(Text(cell.text, cell.colour) if isinstance(cell, Word) else cell for cell in row)
            )
        yield table

    def _fit(self, width: int) -> tuple[int, list[int] | list[None]]:
        """The gap, and widths of columns that break no word; None for each where that is not to
        be had.
        """
        columns = list(zip(self.headers, *self.rows, strict=True))
        spans = [_span(column) for column in columns]
        for gap in (_GAP, _NARROW_GAP):
            room = width - gap * (len(columns) - 1)
            if None not in spans and sum(span[0] for span in spans if span) <= room:
                return gap, _spread([span for span in spans if span], room)
        return _GAP, [None] * len(columns)


def _span(column: Sequence[Any]) -> tuple[int, int] | None:
    """How narrow and how wide a column may be; None if it holds what is not text."""
    from rich.cells import cell_len

    texts = [cell.text if isinstance(cell, Word) else cell for cell in column]
    if not all(isinstance(text, str) for text in texts):
        return None
    words = [min(cell_len(word), _LONG) for text in texts for word in text.split()]
    return max(words, default=0), max(map(cell_len, texts))


def _spread(spans: Sequence[tuple[int, int]], room: int) -> list[int]:
    """Widths between the bounds, the narrowest wishes met first."""
    widths = [least for least, _ in spans]
    while True:
        wanting = [place for place, (_, most) in enumerate(spans) if widths[place] < most]
        if not wanting or sum(widths) >= room:
            return widths
        widths[min(wanting, key=widths.__getitem__)] += 1


def _cell(value: Any) -> Any:
    if isinstance(value, Word) or hasattr(value, "__rich_console__"):
        return value
    return Word("-" if value is None or value == "" else str(value))


def _is_plain(cell: Any) -> bool:
    """Whether its length is its width on the screen."""
    return isinstance(cell, Word) and cell.text.isascii() and cell.text.isprintable()


def _line(cells: Sequence[Word], widths: Sequence[int], *, styled: bool) -> str:
    gap = " " * _GAP
    texts = [cell.text.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    if not styled:
        return gap.join(texts).rstrip()
    return gap.join(map(_styled, texts, cells)).rstrip()


def _styled(text: str, cell: Word) -> str:
    if cell.colour in ("bold", "dim"):
        return click.style(text, **{cell.colour: True})
    return click.style(text, fg=cell.colour) if cell.colour else text
