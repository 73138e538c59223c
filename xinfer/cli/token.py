"""`xinfer token`: the secret by which other machines join."""

from __future__ import annotations

import os

import click

from xinfer.config.settings import environment
from xinfer.domain.home import Home
from xinfer.errors import NotFound


@click.command()
def token() -> None:
    """Print the secret by which other machines join.

    It is that of the installation of this machine; XINFER_HOME names it when there are several.

    \b
    ssh gpu-box XINFER_CLUSTER_TOKEN=$(xinfer token) xinfer-worker -e http://10.0.0.1:9997
    """
    path = Home(environment(os.environ).home).cluster_token
    if not path.is_file():
        raise NotFound(
            f"There is no cluster token in {path.parent}.",
            "Start the supervisor here once, or set XINFER_HOME to its home folder.",
        )
    click.echo(path.read_text(encoding="utf-8").strip())
