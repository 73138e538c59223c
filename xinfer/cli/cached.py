"""`xinfer cached` and `xinfer remove-cache`: model files that nodes keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from xinfer.cli.output import columns, emit, output_option, size
from xinfer.cli.server import Server, server_options
from xinfer.client import catalog as calls

_HEADERS = ("Name", "Format", "Size", "Quantization", "Version", "Hub", "Node", "On disk", "Path")


@click.command()
@click.option("-n", "--model_name", "--model-name", metavar="NAME", help="Of one model.")
@click.option("--worker-ip", metavar="NODE", help="On one node: its name or address.")
@server_options
@output_option
def cached(server: Server, output: str, model_name: str | None, worker_ip: str | None) -> None:
    """List the model files that nodes keep.

    \b
    xinfer cached
    xinfer cached -n qwen2.5-instruct -o json
    """
    with server.connect() as client:
        found = client.run(calls.list_cached_models(model_name, worker_ip))
    if not found and output == "table":
        click.echo("There are no cache files.")
        return
    emit(output, found, lambda: columns(_HEADERS, map(_row, found)))


@click.command("remove-cache")
@click.option(
    *("-n", "--model_version", "--model-version"),
    required=True,
    metavar="VERSION",
    help="Version, as `xinfer cached` shows it.",
)
@click.option("--worker-ip", metavar="NODE", help="On one node: its name or address.")
@click.option("--check", is_flag=True, help="Do not ask.")
@server_options
def remove_cache(server: Server, model_version: str, worker_ip: str | None, check: bool) -> None:
    """Delete model files that nodes keep.

    Files that a model runs on are refused.

    \b
    xinfer remove-cache -n qwen2.5-instruct--0_5B--ggufv2--q4_k_m
    """
    with server.connect() as client:
        files = client.run(calls.list_deletable_models(model_version, worker_ip))
        for path in files["paths"]:
            click.echo(path)
        if not check:
            click.confirm("Delete these files?", abort=True)
        removed = client.run(calls.confirm_and_remove_model(model_version, worker_ip))
    click.echo("The files are deleted." if removed else "There was nothing to delete.")


def _row(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        entry["model_name"],
        entry["model_format"],
        entry["model_size_in_billions"],
        entry["quantization"],
        entry["model_version"],
        entry.get("model_hub"),
        entry.get("node"),
        size(entry["size_bytes"]),
        entry["path"],
    )
