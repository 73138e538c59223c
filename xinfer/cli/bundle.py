"""`xinfer bundle`: carry a recipe with all that it needs to a machine without a network."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from xinfer.cli.failure import Failure
from xinfer.cli.output import console, size
from xinfer.config.settings import environment
from xinfer.domain.home import Home

if TYPE_CHECKING:
    from xinfer.launch.bundle import Bundle
    from xinfer.launch.bundle_check import Fault

_LINES = 4
"""At most so many lines while one thing goes on, where there is no terminal."""

_folder = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def bundle() -> None:
    """Carry a recipe to a machine without a network.

    A bundle is a folder with the recipe, the files of its models and the packages of its managed
    environments, and with the size and SHA-256 of each of them.

    \b
    xinfer bundle create my.yaml -o /media/stick/my
    xinfer bundle verify /media/stick/my
    xinfer bundle load /media/stick/my
    """


@bundle.command()
@click.argument("words", nargs=-1, required=True, metavar="RECIPE [KEY=VALUE]...")
@click.option(
    *("-o", "--output", "folder"),
    type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
    required=True,
    metavar="FOLDER",
    help="Where to make it: a folder that is empty, not there yet, or a bundle.",
)
@click.option("--no-wheels", is_flag=True, help="Leave out the packages of environments.")
@click.option(
    "--accelerator",
    metavar="cpu|cuda|metal",
    help="What environments are to be built for.  [default: what this machine has]",
)
def create(words: tuple[str, ...], folder: Path, no_wheels: bool, accelerator: str | None) -> None:
    """Make a bundle from RECIPE, fetching what is not here yet.

    One that was cut off is taken up again; a bundle that is there is made anew. Packages are chosen
    for the system and the Python of this machine.

    \b
    xinfer bundle create recipes/quickstart.yaml -o /media/stick/chat
    xinfer bundle create my.yaml models.chat.replicas=2 engine.vllm.env=managed -o my
    """
    from xinfer.launch.bundle_create import Maker

    with _progress() as show:
        made = Maker(folder, accelerator, show).make(words, wheels=not no_wheels)
    for note in made.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{folder}: {_contents(made.bundle)}")


@bundle.command()
@_folder
def verify(folder: Path) -> None:
    """Compare every file of a bundle with its size and SHA-256.

    Exit status 1: a file is missing, changed or unknown; each is named.

    \b
    xinfer bundle verify /media/stick/my
    """
    from xinfer.launch.bundle import read
    from xinfer.launch.bundle_check import faults

    listed = read(folder)
    with _progress() as show:
        found = faults(folder, listed, show)
    _refuse(folder, found)
    click.echo(f"{folder}: {_contents(listed)}, all as listed")


@bundle.command()
@_folder
def load(folder: Path) -> None:
    """Verify a bundle, copy it below XINFER_HOME and build its environments.

    No network is used. The folder is not needed afterwards.

    \b
    xinfer bundle load /media/stick/my
    """
    from xinfer.launch.bundle_load import load as load_bundle

    with _progress() as show:
        loaded = load_bundle(folder, Home(environment(os.environ).home), show)
    _refuse(folder, loaded.faults)
    for path in loaded.environments:
        click.echo(f"environment {path}", err=True)
    click.echo("Loaded. Start it:", err=True)
    click.echo(shlex.join(["xinfer-up", str(loaded.recipe)]))


def _refuse(folder: Path, found: Sequence[Fault]) -> None:
    """Raises Failure with each fault."""
    if not found:
        return
    count = "1 file is" if len(found) == 1 else f"{len(found)} files are"
    raise Failure(
        f"{folder}: {count} not as listed.",
        "Copy the bundle again from where it was made; remove what is unknown.",
        tuple(f"{fault.what:<8} {fault.name}: {fault.detail}" for fault in found),
    )


def _contents(listed: Bundle) -> str:
    files = listed.files().values()
    wheels = {file.name for each in listed.environments for file in each.files}
    parts = (
        f"recipe {listed.name}",
        f"files of {_count(len(listed.models), 'source')}",
        f"{_count(len(wheels), 'wheel')} for {_count(len(listed.environments), 'environment')}",
        size(sum(file.size_bytes for file in files)),
    )
    return ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@contextmanager
def _progress() -> Iterator[Callable[[str, float, str], None]]:
    """Show what is given to the returned function, on stderr: a bar, or a line per step."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        said: set[tuple[str, int]] = set()

        def say(what: str, share: float, text: str) -> None:
            step = (what, int(share * _LINES))
            if step not in said:
                said.add(step)
                screen.print(Text(f"{what}: {share:.0%} {text}"))

        yield say
        return
    parts = (SpinnerColumn(), TextColumn("{task.fields[what]}"), BarColumn(), TimeElapsedColumn())
    with Progress(*parts, TextColumn("{task.description}"), console=screen, transient=True) as bar:
        task = bar.add_task("", total=1.0, what="")
        yield lambda what, share, text: bar.update(
            task, completed=share, description=text, what=what
        )
