"""`xinfer downloads`: what is fetched, and what was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from xinfer.cli.output import columns, emit, output_option, size
from xinfer.cli.server import Server, server_options
from xinfer.client import downloads as calls

_HEADERS = ("UID", "Model", "State", "Done", "Of", "Share", "Hub", "Repository", "Node", "Why")


@click.group()
def downloads() -> None:
    """List downloads; pause, resume, cancel and forget them.

    \b
    xinfer downloads list
    xinfer downloads pause qwen2.5-instruct-1a2b3c4d
    """


@downloads.command("list")
@server_options
@output_option
def list_downloads(server: Server, output: str) -> None:
    """List downloads, and the files that launches wait for."""
    with server.connect() as client:
        found = client.run(calls.list_downloads())
    if not found and output == "table":
        click.echo("There are no downloads.")
        return
    emit(output, found, lambda: columns(_HEADERS, map(_row, found)))


@downloads.command()
@click.argument("uid")
@server_options
def pause(server: Server, uid: str) -> None:
    """End a download for now."""
    with server.connect() as client:
        client.run(calls.pause_download(uid))
    click.echo(f"The download {uid} is paused.")


@downloads.command()
@click.argument("uid")
@server_options
def resume(server: Server, uid: str) -> None:
    """Go on with a download that was ended or has failed."""
    with server.connect() as client:
        client.run(calls.resume_download(uid))
    click.echo(f"The download {uid} goes on.")


@downloads.command()
@click.argument("uid")
@server_options
def cancel(server: Server, uid: str) -> None:
    """End a download; what has arrived stays."""
    with server.connect() as client:
        client.run(calls.cancel_cache_model(uid))
    click.echo(f"The download {uid} is cancelled.")


@downloads.command()
@click.argument("uid")
@server_options
def forget(server: Server, uid: str) -> None:
    """Strike a download from the list; its files stay."""
    with server.connect() as client:
        client.run(calls.forget_download(uid))
    click.echo(f"The download {uid} is forgotten.")


def _row(found: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        found["cache_uid"],
        found["model_name"],
        "launching" if found["of_launch"] else found["status"],
        size(found["downloaded_bytes"]),
        size(found["total_bytes"]),
        f"{found['progress']:.0%}",
        found["model_hub"],
        found["model_id"],
        found["node"],
        found["error"],
    )
