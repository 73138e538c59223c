"""How results are printed: a table for people, JSON or YAML for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

output_option = click.option(
    *("-o", "--output"),
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    help="Form of the result; json and yaml hold what the API returned.",
)

_UNBOUNDED = 400


def console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr; one that is no terminal gets its lines unfolded."""
    probe = Console(stderr=stderr, highlight=False)
    if probe.is_terminal:
        return probe
    return Console(stderr=stderr, highlight=False, width=_UNBOUNDED)


def emit(output: str, data: Any, table: Callable[[], RenderableType]) -> None:
    """Print `data` in the chosen form; `table` makes the form for people."""
    if output == "json":
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    elif output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), nl=False)
    else:
        console().print(table())


def columns(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A plain table; None shows as a dash."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else _text(cell) for cell in row))
    return table


def state(word: str) -> Text:
    """A state with its colour."""
    colours = {"ready": "green", "failed": "red", "stopped": "dim", "-": ""}
    return Text(word, style=colours.get(word, "yellow"))


def size(count: float | None) -> str:
    """Bytes for people: `1.5 GiB`."""
    if count is None:
        return "-"
    value, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def duration(seconds: float) -> str:
    """Seconds for people: `4.2 s`, `3 min 20 s`, `5 h 12 min`, `2 d 3 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    for big, small, unit, part in ((86400, 3600, "d", "h"), (3600, 60, "h", "min")):
        if whole >= big:
            return f"{whole // big} {unit} {whole % big // small} {part}"
    return f"{whole // 60} min {whole % 60} s"


def _text(value: Any) -> Text:
    return Text("-" if value is None or value == "" else str(value))
