"""`xinfer recipe`: what an installation is told to run, as a file."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from xinfer.cli.failure import Failure
from xinfer.cli.server import Server, server_options
from xinfer.config.export import exported
from xinfer.domain.model import ModelSpec


@click.group()
def recipe() -> None:
    """Write the models of a server as a recipe.

    \b
    xinfer recipe export -f mine.yaml
    """


@recipe.command()
@click.option(
    *("-f", "--file"),
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to; standard output if it is not given.",
)
@server_options
def export(server: Server, file: Path | None) -> None:
    """Write all declared models as a recipe that `xinfer-up` takes.

    Models that were launched are among them: terminate those before applying the recipe where they
    run. Memory is what was reserved. Variables of engines are written as they are, secrets too.

    \b
    xinfer recipe export > mine.yaml
    xinfer recipe export -f mine.yaml -e http://10.0.0.1:9997
    """
    with server.connect() as client:
        found = client.get_recipe()
    text = exported(msgspec.convert(found["models"], list[ModelSpec]))
    if file is None:
        click.echo(text, nl=False)
        return
    try:
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}.", "Check it.") from error
    click.echo(f"{len(found['models'])} models are in {file}.", err=True)
