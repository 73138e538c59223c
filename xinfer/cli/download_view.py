"""A download on the screen: a live picture on a terminal, a line for every tenth elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from xinfer.cli.launch_view import file_rows
from xinfer.cli.output import console

_STEP = 0.1

Show = Callable[[Mapping[str, Any]], None]


@contextmanager
def view(what: str) -> Iterator[Show]:
    """Show the downloads given to the returned function, on stderr."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield Lines(what, screen).show
        return
    with Live(console=screen, refresh_per_second=10, transient=False) as live:
        yield lambda found: live.update(_picture(what, found), refresh=True)


class Lines:
    """Prints each state once, and every tenth of the way."""

    def __init__(self, what: str, screen: Console) -> None:
        self._screen = screen
        self._status = ""
        self._share = 0.0
        screen.print(Text(f"downloading {what}"))

    def show(self, found: Mapping[str, Any]) -> None:
        """Print what is new."""
        status, share = str(found["status"]), float(found["progress"])
        if status == "running" and share >= self._share + _STEP:
            self._share = share
            self._screen.print(Text(f"  {share:.0%} {found['info']}".rstrip()))
        if status not in (self._status, "running"):
            self._screen.print(Text(f"  {status}"))
        self._status = status


def _picture(what: str, found: Mapping[str, Any]) -> RenderableType:
    status = str(found["status"])
    word = "downloading" if status == "running" else status
    head = Text.assemble((what, "bold"), f"  {word}")
    grid = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=1.0, completed=float(found["progress"]), width=30)
    grid.add_row("", bar, Text(str(found["info"])))
    files = [
        (str(file["name"]), int(file["done_bytes"]), file["total_bytes"])
        for file in found["download_files"]
    ]
    for row in file_rows(files):
        grid.add_row(*row)
    return Group(head, grid)
