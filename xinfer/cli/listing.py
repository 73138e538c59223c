"""`xinfer list`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from xinfer.cli.output import columns, emit, output_option, state
from xinfer.cli.server import Server, server_options

_HEADERS = (
    *("UID", "Type", "Name", "Format", "Size (in billions)", "Quantization"),
    *("State", "Replicas", "Engine"),
)


@click.command("list")
@server_options
@output_option
def list_models(server: Server, output: str) -> None:
    """List the models and their state.

    Replicas counts the ready ones of those wanted.

    \b
    xinfer list
    xinfer list -o json | jq '.[].id'
    """
    with server.connect() as client:
        models = list(client.list_models().values())
    emit(output, models, lambda: columns(_HEADERS, map(_row, models)))


def _row(model: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        model["id"],
        model.get("model_type"),
        model.get("model_name"),
        model.get("model_format"),
        model.get("model_size_in_billions"),
        model.get("quantization"),
        state(str(model.get("state", "-"))),
        replica_count(model),
        model.get("model_engine"),
    )


def replica_count(model: Mapping[str, Any]) -> str:
    """`ready/wanted`."""
    return f"{model.get('replicas_ready', 0)}/{model.get('replica', '?')}"
