"""`xinfer terminate`."""

from __future__ import annotations

import click

from xinfer.cli.server import Server, find_model, server_options, uid_argument


@click.command()
@uid_argument(required=False)
@click.option("-u", "--model-uid", metavar="UID", help="The same, as an option.")
@server_options
def terminate(server: Server, uid: str | None, model_uid: str | None) -> None:
    """Stop a model and forget it.

    Running requests are answered first. A model of a recipe comes back when the recipe is applied
    again.

    \b
    xinfer terminate chat
    """
    name = chosen_uid(uid, model_uid)
    if name is None:
        raise click.UsageError("Name the model: `xinfer terminate UID`.")
    with server.connect() as client:
        find_model(client, name)
        client.terminate_model(name)
    click.echo(f"'{name}' is stopping.", err=True)


def chosen_uid(uid: str | None, model_uid: str | None) -> str | None:
    """The uid given as an argument or as an option. Raises UsageError for two different ones."""
    if uid and model_uid and uid != model_uid:
        raise click.UsageError(f"Two models are named: '{uid}' and '{model_uid}'.")
    return uid or model_uid
