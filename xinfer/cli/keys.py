"""`xinfer key`: API keys."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import click
from rich.text import Text

from xinfer.cli.output import columns, emit, output_option
from xinfer.cli.server import Server, server_options
from xinfer.client import access as calls

_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
_HEADERS = ("ID", "Name", "Key", "Owner", "Scopes", "Models", "Expires", "State")


@click.group("key")
def keys() -> None:
    """Make, list and revoke API keys.

    \b
    xinfer key create ci --model chat --expires 30d --rpm 60
    xinfer key list
    xinfer key revoke 3
    """


def _expiry(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> str | float | None:
    """`30d` from now, or a date as it is."""
    if value is None:
        return None
    if value[-1:] in _UNITS and value[:-1].isdigit():
        return time.time() + int(value[:-1]) * _UNITS[value[-1]]
    return value


@keys.command()
@click.argument("name")
@click.option("--owner", metavar="USER", help="Whose it is.  [default: yours]")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option(
    *("--scope", "scopes"),
    multiple=True,
    metavar="SCOPE",
    help="What it may; repeatable.  [default: models:list, models:read]",
)
@click.option(
    *("--model", "model_permissions"),
    multiple=True,
    metavar="UID",
    help="A model that it may use; repeatable.  [default: every model]",
)
@click.option(
    *("--expires", "expires_at"),
    callback=_expiry,
    metavar="30d|DATE",
    help="How long it is good for: 12h, 30d, 4w, or until a date.",
)
@click.option("--rpm", type=click.IntRange(1), metavar="N", help="Requests per minute.")
@click.option("--tpm", type=click.IntRange(1), metavar="N", help="Tokens per minute.")
@click.option("--quota", type=click.IntRange(1), metavar="N", help="Tokens per month.")
@server_options
@output_option
def create(server: Server, output: str, name: str, **wanted: Any) -> None:
    """Make a key and print it, once.

    \b
    xinfer key create ci --model chat --expires 30d --rpm 60
    """
    wanted |= {
        "scopes": list(wanted["scopes"]) or None,
        "model_permissions": list(wanted["model_permissions"]) or None,
        "rate_limit_requests_per_minute": wanted.pop("rpm"),
        "rate_limit_tokens_per_minute": wanted.pop("tpm"),
        "quota_tokens_per_month": wanted.pop("quota"),
    }
    with server.connect() as client:
        made = client.run(calls.create_key(name, **wanted))
    if output == "table":
        click.echo(f"Key {made['id']} '{made['name']}'. It is shown this once:", err=True)
    emit(output, made, lambda: Text(made["key"]))


@keys.command("list")
@server_options
@output_option
def list_keys(server: Server, output: str) -> None:
    """List the keys: all of them, or your own."""
    with server.connect() as client:
        found = client.run(calls.list_keys())
    emit(output, found, lambda: columns(_HEADERS, map(_row, found)))


@keys.command()
@click.argument("key_id", type=int, metavar="ID")
@server_options
def revoke(server: Server, key_id: int) -> None:
    """End a key, at once."""
    with server.connect() as client:
        client.run(calls.revoke_key(key_id))
    click.echo(f"Key {key_id} is revoked.", err=True)


def _row(key: Mapping[str, Any]) -> tuple[Any, ...]:
    expires_s = key["expires_at"]
    over = expires_s is not None and expires_s <= time.time()
    day = None if expires_s is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(expires_s))
    models = key["model_permissions"]
    return (
        key["id"],
        key["name"],
        f"{key['prefix']}…",
        key["owner"],
        ", ".join(key["scopes"]),
        "all" if models is None else ", ".join(models) or "none",
        day,
        "expired" if over else "active" if key["enabled"] else "disabled",
    )
