"""`xinfer env`: the Python environments of engines on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from xinfer.cli.output import columns, console, emit, output_option, size, state
from xinfer.config.settings import environment
from xinfer.domain.home import Home
from xinfer.domain.ports import EnvironmentState

if TYPE_CHECKING:
    from xinfer.launch.environments import Checked, Workshop

_BAD = {"broken": "red", "missing": "dim"}
_HEADERS = ("Engine", "Accelerator", "State", "Size", "Path", "Detail")
_CHECK_HEADERS = ("Engine", "Accelerator", "State", "Packages", "Path", "Detail")

_LINES = 10
"""At most so many lines while one thing goes on, where there is no terminal."""

_accelerator = click.option(
    "--accelerator",
    metavar="cpu|cuda|metal",
    help="What it is built for.  [default: what this machine has]",
)


@click.group()
def env() -> None:
    """Build, list, check and remove environments of engines.

    Engines pin packages that contradict each other, so each can have an environment of its own.
    A recipe chooses it by `engine.NAME.env: managed`; it is then built at the first launch, or
    beforehand by `create`.

    \b
    xinfer env create vllm
    xinfer env list
    xinfer env check vllm
    xinfer env remove vllm
    """


@env.command("list")
@output_option
def list_environments(output: str) -> None:
    """List the environments that this machine has, and could have."""
    found = _workshop().states()
    emit(output, [asdict(each) for each in found], lambda: columns(_HEADERS, map(_row, found)))


@env.command()
@click.argument("engine")
@_accelerator
@click.option(
    "--wheelhouse",
    type=click.Path(path_type=Path, file_okay=False, exists=True, resolve_path=True),
    metavar="FOLDER",
    help="Take all packages from this folder and ask no index.  [env var: XINFER_WHEELHOUSE]",
)
@click.option("--recreate", is_flag=True, help="Build it anew, even if it is there.")
@output_option
def create(
    engine: str, accelerator: str | None, wheelhouse: Path | None, recreate: bool, output: str
) -> None:
    """Build the environment of an engine, and import the engine in it.

    One that is there is left as it is, unless it is broken or the pinned packages have changed
    since. A build that was cut off is taken up again: what was fetched is not fetched twice.

    \b
    xinfer env create transformers
    xinfer env create vllm --accelerator cpu --wheelhouse /media/wheels
    """
    with _progress(engine) as show:
        made = _workshop(wheelhouse).create(engine, accelerator, show, anew=recreate)
    emit(output, asdict(made), lambda: columns(_HEADERS, [_row(made)]))


@env.command()
@click.argument("engine", required=False)
@output_option
@click.pass_context
def check(context: click.Context, engine: str | None, output: str) -> None:
    """Import each engine in its environment, and show versions or the error.

    Of one ENGINE: its environments, or this interpreter if it has none. Exit status 1: one is
    broken.

    \b
    xinfer env check
    xinfer env check vllm
    """
    found = _workshop().check(engine)
    if not found and output == "table":
        click.echo(
            "No environments are built. `xinfer env list` shows what there could be.", err=True
        )
    data = [{**asdict(each.state), "versions": dict(each.versions)} for each in found]
    emit(output, data, lambda: columns(_CHECK_HEADERS, map(_checked_row, found)))
    if any(each.state.state == "broken" for each in found):
        context.exit(1)


@env.command()
@click.argument("engine")
@_accelerator
@click.option("--force", is_flag=True, help="Even if replicas run in it.")
def remove(engine: str, accelerator: str | None, force: bool) -> None:
    """Delete the environment of an engine.

    \b
    xinfer env remove vllm
    """
    click.echo(f"Removed {_workshop().remove(engine, accelerator, force=force)}.", err=True)


def _workshop(wheelhouse: Path | None = None) -> Workshop:
    from xinfer.launch.environments import Workshop

    return Workshop(Home(environment(os.environ).home), wheelhouse=wheelhouse)


@contextmanager
def _progress(engine: str) -> Iterator[Callable[[float, str], None]]:
    """Show what is given to the returned function, on stderr: a bar, or a line per step."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        said: list[tuple[str, int]] = []

        def say(share: float, text: str) -> None:
            step = (text.partition(" ")[0], int(share * _LINES))
            if step not in said:
                said.append(step)
                screen.print(Text(f"{engine}: {text}"))

        yield say
        return
    parts = (SpinnerColumn(), TextColumn("{task.fields[engine]}"), BarColumn(), TimeElapsedColumn())
    with Progress(*parts, TextColumn("{task.description}"), console=screen, transient=True) as bar:
        task = bar.add_task("", total=1.0, engine=engine)
        yield lambda share, text: bar.update(task, completed=share, description=text)


def _row(found: EnvironmentState) -> tuple[Any, ...]:
    weight = None if found.size_bytes is None else size(found.size_bytes)
    return (*_head(found), weight, found.path, found.detail)


def _checked_row(checked: Checked) -> tuple[Any, ...]:
    found = checked.state
    versions = ", ".join(f"{name} {version}" for name, version in checked.versions.items())
    return (*_head(found), versions, found.path, found.detail)


def _head(found: EnvironmentState) -> tuple[Any, ...]:
    colour = _BAD.get(found.state)
    word = Text(found.state, style=colour) if colour else state(found.state)
    return found.engine, found.accelerator, word
