"""A launch on the screen: a live picture on a terminal, one line per step elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from xinfer.cli.launch_watch import Snapshot
from xinfer.cli.output import console, duration, size

_SHARE_STEP = 0.1
_SHOWN_FILES = 4


@contextmanager
def view(uid: str) -> Iterator[Callable[[Snapshot], None]]:
    """Show the snapshots given to the returned function, on stderr."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield Lines(uid, screen).show
        return
    with Live(console=screen, refresh_per_second=10, transient=False) as live:
        picture = Picture(uid)
        # At once: the next snapshot may come before the next look of what refreshes.
        yield lambda snapshot: live.update(picture.draw(snapshot), refresh=True)


class Lines:
    """Prints each phase once, when it has begun, and every tenth of a download."""

    def __init__(self, uid: str, screen: Console) -> None:
        self._screen = screen
        self._shown: dict[str, list[tuple[str, float]]] = {}
        self._shares: dict[str, float] = {}
        self._causes: dict[str, str] = {}
        screen.print(f"launching {uid}")

    def show(self, snapshot: Snapshot) -> None:
        """Print what this snapshot has and earlier ones had not."""
        for replica in snapshot.replicas:
            self._show_phases(str(replica["replica_id"]), replica["phases"])
            self._show_cause(str(replica["replica_id"]), replica.get("cause"))
        for name, (share, detail) in snapshot.downloads.items():
            if share >= self._shares.get(name, 0.0) + _SHARE_STEP:
                self._shares[name] = share
                self._line(name, "downloading", f"{share:.0%} {detail}")

    def _show_phases(self, name: str, phases: list[Mapping[str, Any]]) -> None:
        shown = self._shown.setdefault(name, [])
        for place, span in enumerate(phases):
            mark = (str(span["phase"]), float(span["started_s"]))
            if mark in shown:
                continue
            shown.append(mark)
            before = phases[place - 1] if place else None
            took = f"after {duration(before['seconds'])} {before['phase']}" if before else ""
            self._line(name, mark[0], took)

    def _show_cause(self, name: str, cause: Mapping[str, Any] | None) -> None:
        summary = str(cause["summary"]) if cause else ""
        if summary and self._causes.get(name) != summary:
            self._causes[name] = summary
            self._line(name, "why", summary)

    def _line(self, name: str, what: str, more: str) -> None:
        self._screen.print(Text(f"  {name}  {what:<12} {more}".rstrip()), soft_wrap=True)


class Picture:
    """Draws all phases of all replicas with their times, and a bar for what downloads."""

    def __init__(self, uid: str) -> None:
        self._uid = uid
        self._spinner = Spinner("dots", style="cyan")

    def draw(self, snapshot: Snapshot) -> RenderableType:
        """The whole picture for one moment."""
        word = snapshot.state if snapshot.settled else "launching"
        parts: list[RenderableType] = [Text.assemble((self._uid, "bold"), f"  {word}")]
        for replica in snapshot.replicas:
            parts.extend(self._replica(replica, snapshot))
        return Group(*parts)

    def _replica(self, replica: Mapping[str, Any], snapshot: Snapshot) -> Iterator[RenderableType]:
        name = str(replica["replica_id"])
        if len(snapshot.replicas) > 1:
            yield Text(name, style="dim")
        cause = replica.get("cause") or {}
        grid = Table.grid(padding=(0, 1))
        for span in replica["phases"]:
            grid.add_row(*self._phase(span, str(cause.get("phase"))))
        download = snapshot.downloads.get(name)
        if download:
            share, detail = download
            grid.add_row("", ProgressBar(total=1.0, completed=share, width=30), Text(detail))
            for row in file_rows(snapshot.files.get(name, ())):
                grid.add_row(*row)
        yield grid
        if cause:
            yield Text(f"  {cause['summary']}", style="red")

    def _phase(
        self, span: Mapping[str, Any], broken: str
    ) -> tuple[RenderableType, RenderableType, Text]:
        """A row: mark, phase, time. `broken` is the phase that failed, if one did."""
        phase, seconds = str(span["phase"]), span.get("seconds")
        if phase == "ready":
            return Text("✔", style="green"), Text(phase, style="bold"), Text()
        if phase in ("failed", "stopped"):
            return Text("✘", style="red"), Text(phase, style="bold"), Text()
        if seconds is None:
            so_far = max(0.0, time.time() - float(span["started_s"]))
            return self._spinner, Text(phase), Text(duration(so_far), style="dim")
        mark = Text("✘", style="red") if phase == broken else Text("✔", style="green")
        return mark, Text(phase), Text(duration(seconds), style="dim")


def file_rows(
    files: Sequence[tuple[str, int, int | None]],
) -> Iterator[tuple[RenderableType, RenderableType, Text]]:
    """A row for each file that is under way, those that have just begun last."""
    under_way = [file for file in files if file[1] != file[2]]
    for name, done, total in under_way[:_SHOWN_FILES]:
        share = done / total if total else 0.0
        amount = f"{size(done)} of {size(total)}" if total else size(done)
        bar = ProgressBar(total=1.0, completed=share, width=30)
        yield Text(), bar, Text(f"{name}  {amount}", style="dim")
    more = len(under_way) - _SHOWN_FILES
    if more > 0:
        yield Text(), Text(), Text(f"and {more} more files", style="dim")
