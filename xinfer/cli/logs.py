"""`xinfer logs`."""

from __future__ import annotations

import click

from xinfer.cli.server import Server, find_model, server_options, uid_argument


@click.command()
@uid_argument()
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines until Ctrl-C.")
@click.option(
    "--tail", type=click.IntRange(0), default=200, show_default=True, help="Last lines to print."
)
@click.option("--replica", type=click.IntRange(0), help="Index of one replica; the first if unset.")
@server_options
def logs(server: Server, uid: str, follow: bool, tail: int, replica: int | None) -> None:
    """Print or follow what a model's engine writes.

    \b
    xinfer logs chat --tail 50
    xinfer logs chat -f --replica 1
    """
    with server.connect() as client:
        find_model(client, uid)
        with client.get_logs(uid, tail=tail, follow=follow, replica=replica) as lines:
            written = False
            try:
                for line in lines:
                    click.echo(line)
                    written = True
            except KeyboardInterrupt:
                if not follow:
                    raise
    if tail and not written:
        click.echo(f"No engine of '{uid}' has written anything; see `xinfer status`.", err=True)
