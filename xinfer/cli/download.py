"""`xinfer download`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from xinfer.cli.download_view import view
from xinfer.cli.failure import Failure
from xinfer.cli.launch_options import source_of, source_options, variant_options
from xinfer.cli.output import emit, output_option, size
from xinfer.cli.server import Server, server_options
from xinfer.client import ClientError, RESTfulClient, Unreachable
from xinfer.client import downloads as calls

if TYPE_CHECKING:
    from xinfer.client.results.files import Download

_POLL_S = 0.3
_PATIENCE_S = 60.0
"""How long a worker or server that restarts is waited for."""


@click.command()
@click.option("-n", "--model-name", metavar="NAME", help="Family in the catalog, or any name.")
@click.option("-en", "--model-engine", metavar="ENGINE", help="Choose a format that it reads.")
@variant_options
@source_options
@click.option("--download-hub", metavar="HUB", help="From huggingface or modelscope alone.")
@click.option("--worker-ip", metavar="NODE", help="Node to keep it.  [default: with the most room]")
@click.option("--cache-uid", metavar="UID", help="Name to follow it under.  [default: made up]")
@click.option("--no-wait", is_flag=True, help="Return when the download has begun.")
@server_options
@output_option
def download(server: Server, output: str, no_wait: bool, size: str | None, **asked: Any) -> None:
    """Fetch the files of a model without launching it.

    A launch of it then finds them. Progress is written to stderr. Ctrl-C cancels; what has arrived
    is kept, and the same command goes on from there.

    \b
    xinfer download -n qwen2.5-instruct -s 0_5 -f ggufv2 -q q4_k_m
    xinfer download -n bge-m3 --worker-ip node-2
    xinfer download --source huggingface:org/repo --no-wait
    """
    wanted = {name: value for name, value in asked.items() if name not in ("files", "revision")}
    wanted |= {"model_name": _name(asked), "model_size_in_billions": size}
    wanted["source"] = source_of(asked)
    with server.connect() as client:
        found = client.run(calls.cache_model(**wanted, wait_ready=False))
        if not no_wait:
            found = _follow(client, found)
    emit(output, found, lambda: Text(_result(found)))


def _name(asked: Mapping[str, Any]) -> str:
    reference = next(iter(asked["source"].values())) if asked["source"] else ""
    name = asked["model_name"] or reference.rstrip("/").rsplit("/", 1)[-1]
    if not name:
        raise click.UsageError("Say what to download: --model-name NAME or --source HUB:REF.")
    return str(name)


def _follow(client: RESTfulClient, begun: Download) -> Download:
    """Show the download until it has ended. Raises Failure unless it is done."""
    uid, last = str(begun["cache_uid"]), begun
    try:
        with view(f"{begun['model_name']} to {begun['node']}") as show:
            for last in _watch(client, begun):
                show(last)
    except KeyboardInterrupt:
        with suppress(ClientError):
            client.run(calls.cancel_cache_model(uid))
        click.echo(
            f"\nThe download {uid} is cancelled. What has arrived is kept: "
            f"`xinfer downloads resume {uid}` goes on.",
            err=True,
        )
        sys.exit(130)
    if last["status"] == "failed":
        raise Failure(f"The download {uid} failed: {last['error']}")
    if last["status"] != "done":
        raise Failure(
            f"The download {uid} was {last['status']} by somebody.",
            f"`xinfer downloads resume {uid}` goes on.",
        )
    return last


def _watch(client: RESTfulClient, begun: Download) -> Iterator[Download]:
    """The download again and again, the last time ended."""
    found, heard = begun, time.monotonic()
    while True:
        yield found
        if found["status"] != "running":
            return
        time.sleep(_POLL_S)
        try:
            found = client.run(calls.get_cache_model_progress(str(begun["cache_uid"])))
            heard = time.monotonic()
        except ClientError as error:
            away = isinstance(error, Unreachable) or error.status == 503
            if not away or time.monotonic() - heard > _PATIENCE_S:
                raise


def _result(found: Download) -> str:
    if found["status"] != "done":
        return f"Download: {found['cache_uid']} ({found['status']})"
    return f"{size(found['total_bytes'])} in {found['path']} on {found['node']}"
