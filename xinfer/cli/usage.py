"""`xinfer usage`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from xinfer.cli.output import columns, emit, output_option
from xinfer.cli.server import Server, server_options
from xinfer.client import access as calls

_COUNTS = ("requests", "tokens_in", "tokens_out")
_TITLES = {"day": "Day", "name": "Key", "model": "Model"}


@click.command()
@click.option("--key", metavar="NAME", help="Of one key or user: its name, prefix or id.")
@click.option("--model", metavar="UID", help="Of one model.")
@click.option("--from", "first_day", metavar="DAY", help="First day, such as 2026-11-20 (UTC).")
@click.option("--to", "last_day", metavar="DAY", help="Last day.")
@click.option(
    "--by",
    type=click.Choice(["all", "day", "key", "model"]),
    default="all",
    show_default=True,
    help="What the table adds up by.",
)
@server_options
@output_option
def usage(server: Server, output: str, by: str, **asked: str | None) -> None:
    """Show requests and tokens by day, key and model.

    Administrators see everybody's, others their own. The last two seconds may be missing.

    \b
    xinfer usage --from 2026-11-01 --by key
    """
    with server.connect() as client:
        lines = client.run(calls.get_usage(**asked))
    parts = ("day", "name", "model") if by == "all" else ("name" if by == "key" else by,)
    headers = (*(_TITLES[part] for part in parts), "Requests", "Tokens in", "Tokens out")
    emit(output, lines, lambda: columns(headers, _sums(lines, parts)))


def _sums(lines: Iterable[Mapping[str, Any]], parts: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Added up by these parts, in the order in which they come first."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    for line in lines:
        counts = sums.setdefault(tuple(line[part] for part in parts), [0, 0, 0])
        for place, name in enumerate(_COUNTS):
            counts[place] += line[name]
    return [(*key, *counts) for key, counts in sums.items()]
