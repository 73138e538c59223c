"""How results are printed: a table for people, JSON or YAML for programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from xinfer.cli.table import Columns, Word

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

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
    from rich.console import Console

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
        _show(table())


def columns(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> Columns:
    """A plain table; None shows as a dash."""
    return Columns.of(headers, rows)


def state(word: str) -> Word:
    """A state with its colour."""
    colours = {"ready": "green", "failed": "red", "stopped": "dim", "-": ""}
    return Word(word, colours.get(word, "yellow"))


def _show(table: RenderableType) -> None:
    if isinstance(table, Columns):
        on_screen = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if on_screen else None
        styled = on_screen and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        text = table.plain(width, styled=styled)
        if text is not None:
            click.echo(text)
            return
    console().print(table)


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


def moment(unix_s: float) -> str:
    """A time for people, to the second, as the clocks here show it."""
    return datetime.fromtimestamp(unix_s).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float) -> str:
    """Seconds for people: `4.2 s`, `3 min 20 s`, `5 h 12 min`, `2 d 3 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    for big, small, unit, part in ((86400, 3600, "d", "h"), (3600, 60, "h", "min")):
        if whole >= big:
            return f"{whole // big} {unit} {whole % big // small} {part}"
    return f"{whole // 60} min {whole % 60} s"
