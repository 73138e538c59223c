"""`xinfer user`: people with passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from xinfer.cli.failure import Failure
from xinfer.cli.output import columns, emit, output_option
from xinfer.cli.server import Server, server_options
from xinfer.client import RESTfulClient
from xinfer.client import access as calls
from xinfer.domain.names import did_you_mean

if TYPE_CHECKING:
    from xinfer.client.results.access import User

_HEADERS = ("ID", "Username", "Scopes", "State")

_password_option = click.option(
    "--password",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    metavar="TEXT",
    help="Asked for when it is not given.",
)
_scope_option = click.option(
    *("--scope", "scopes"), multiple=True, metavar="SCOPE", help="What one may; repeatable."
)


@click.group("user")
def users() -> None:
    """Make, change and remove users.

    \b
    xinfer user create ann --scope admin
    xinfer user change ann --disable
    """


@users.command()
@click.argument("username")
@_password_option
@_scope_option
@server_options
def create(server: Server, username: str, password: str, scopes: tuple[str, ...]) -> None:
    """Make a user; without --scope one may list and use the models.

    \b
    xinfer user create ann --scope admin
    """
    with server.connect() as client:
        client.run(calls.create_user(username, password, scopes or None))
    click.echo(f"User '{username}' can log in.", err=True)


@users.command("list")
@server_options
@output_option
def list_users(server: Server, output: str) -> None:
    """List the users."""
    with server.connect() as client:
        found = client.run(calls.list_users())
    rows = (
        (
            *(user["id"], user["username"], ", ".join(user["permissions"])),
            "active" if user["enabled"] else "disabled",
        )
        for user in found
    )
    emit(output, found, lambda: columns(_HEADERS, rows))


@users.command()
@click.argument("username")
@_scope_option
@click.option("--enable/--disable", default=None, help="Whether the user can log in.")
@server_options
def change(server: Server, username: str, scopes: tuple[str, ...], enable: bool | None) -> None:
    """Give a user other scopes, or lock the user out."""
    if not scopes and enable is None:
        raise click.UsageError("Say what to change: --scope, --enable or --disable.")
    with server.connect() as client:
        user = _find(client, username)
        wanted: dict[str, Any] = {"permissions": list(scopes) or None, "enabled": enable}
        client.run(calls.change_user(user["id"], **wanted))
    click.echo(f"User '{username}' is changed.", err=True)


@users.command()
@click.argument("username")
@_password_option
@server_options
def password(server: Server, username: str, password: str) -> None:
    """Give a user a new password; all sessions of the user end."""
    with server.connect() as client:
        client.run(calls.set_password(_find(client, username)["id"], password))
    click.echo(f"User '{username}' has a new password.", err=True)


@users.command()
@click.argument("username")
@server_options
def remove(server: Server, username: str) -> None:
    """Remove a user, and the user's keys."""
    with server.connect() as client:
        client.run(calls.remove_user(_find(client, username)["id"]))
    click.echo(f"User '{username}' is gone.", err=True)


def _find(client: RESTfulClient, username: str) -> User:
    found = {user["username"]: user for user in client.run(calls.list_users())}
    if username not in found:
        raise Failure(f"There is no user '{username}'.", did_you_mean(username, found))
    return found[username]
