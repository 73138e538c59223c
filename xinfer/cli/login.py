"""`xinfer login` and `xinfer logout`."""

from __future__ import annotations

import os

import click

from xinfer.cli.failure import Failure
from xinfer.cli.server import Server, server_options
from xinfer.cli.session import Sessions
from xinfer.client import ClientError, RESTfulClient
from xinfer.client import access as calls
from xinfer.config.settings import environment


@click.command()
@click.option("--username", required=True, prompt=True, metavar="NAME", help="Who you are.")
@click.option(
    "--password",
    required=True,
    prompt=True,
    hide_input=True,
    metavar="TEXT",
    help="Your password; asked for when it is not given, which keeps it out of the history.",
)
@server_options
def login(server: Server, username: str, password: str) -> None:
    """Log in to a server that asks who you are.

    Later commands to it need no key. The session is kept in the home folder, readable by you only,
    and renewed for as long as it is used once a week.

    \b
    xinfer login -e http://10.0.0.1:9997 --username ann
    """
    with RESTfulClient(server.endpoint) as client:
        try:
            if not client.get_cluster_auth():
                click.echo(f"{server.endpoint} asks nobody for a key: no login needed.", err=True)
                return
            session = client.run(calls.login(username, password))
        except ClientError as error:
            hint = error.hint or "Check both; `xinfer user create` of an administrator makes users."
            raise Failure(f"Could not log in: {error.detail.rstrip('.')}.", hint) from error
    _sessions().keep(server.endpoint, session)
    click.echo(f"Logged in to {server.endpoint} as {username}.", err=True)


@click.command()
@server_options
def logout(server: Server) -> None:
    """End the session with a server.

    \b
    xinfer logout -e http://10.0.0.1:9997
    """
    token = _sessions().forget(server.endpoint)
    if token is None:
        raise Failure(f"There is no session with {server.endpoint}.", "`xinfer login` makes one.")
    with RESTfulClient(server.endpoint) as client:
        try:
            client.run(calls.logout(token))
        except ClientError as error:
            raise Failure(f"The server was not told: {error.detail}", error.hint) from error
    click.echo(f"Logged out of {server.endpoint}.", err=True)


def _sessions() -> Sessions:
    return Sessions(environment(os.environ).home)
