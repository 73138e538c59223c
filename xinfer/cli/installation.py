"""`xinfer up` and `xinfer down`: the installation of this machine."""

from __future__ import annotations

import os

import click

from xinfer.config.settings import environment
from xinfer.domain.home import Home


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def up(arguments: tuple[str, ...]) -> None:
    """Start an installation from a recipe and serve.

    The same as `xinfer-up`; `xinfer up --help` shows its options.

    \b
    xinfer up recipes/quickstart.yaml
    xinfer up my.yaml models.chat.replicas=2 --detach
    """
    from xinfer.launch.up import main as start

    start(list(arguments))


@click.command()
def down() -> None:
    """Stop the installation that runs in the background.

    Running requests are answered first. Declared models are remembered and come back with the next
    `xinfer up`. XINFER_HOME names the installation when there are several.

    \b
    xinfer down
    """
    from xinfer.launch.down import main as stop

    click.echo(stop(Home(environment(os.environ).home)))
