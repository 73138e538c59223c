"""`xinfer status`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from xinfer.cli.cause import advice, doing, evidence, latest
from xinfer.cli.listing import replica_count
from xinfer.cli.output import columns, duration, emit, output_option, size, state
from xinfer.cli.server import Server, server_options
from xinfer.client import RESTfulClient

_PANEL_WIDTH = 100
_SILENT_S = 10.0
"""Several reports of a node have not come."""


@click.command()
@server_options
@output_option
def status(server: Server, output: str) -> None:
    """Show nodes, memory, models, and why one failed.

    \b
    xinfer status
    xinfer status -o json | jq '.models[] | select(.state == "failed")'
    """
    with server.connect() as client:
        found = _gather(client)
    emit(output, found, lambda: Group(*_parts(server.endpoint, found)))


def _gather(client: RESTfulClient) -> dict[str, Any]:
    models = list(client.list_models().values())
    return {
        "status": client.get_status(),
        "nodes": client.get_cluster_info(detailed=True),
        "models": [
            model | {"timeline": client.get_timeline(model["id"])}
            if model.get("state") != "ready"
            else model
            for model in models
        ],
    }


def _parts(endpoint: str, found: Mapping[str, Any]) -> Iterator[RenderableType]:
    uptime = duration(float(found["status"].get("uptime") or 0))
    yield Text.assemble(("server", "bold"), f" {endpoint}, up for {uptime}\n")
    yield columns(
        ("Node", "Role", "Cores", "Memory free", "Memory", "Devices", "Device memory"),
        (_node_row(node, _silence(node, found["status"])) for node in found["nodes"]),
    )
    yield Text()
    if not found["models"]:
        yield Text("no models; launch one: xinfer launch --help")
        return
    yield columns(
        ("UID", "State", "Replicas", "Restarts", "Engine", "Why"),
        map(_model_row, found["models"]),
    )
    for model in found["models"]:
        cause = latest(model.get("timeline") or ())
        if cause is not None:
            yield Text()
            yield _cause_panel(model["id"], cause)


def _silence(node: Mapping[str, Any], status: Mapping[str, Any]) -> str | None:
    """How long a worker was not heard of, if it is long."""
    worker = status.get("workers", {}).get(node.get("ip_address"), {})
    silent_s = float(worker.get("seen_s_ago") or 0)
    if not node.get("alive", True):
        return f"lost, silent for {duration(silent_s)}"
    return f"silent for {duration(silent_s)}" if silent_s > _SILENT_S else None


def _node_row(node: Mapping[str, Any], silence: str | None) -> tuple[Any, ...]:
    reverse = "reverse" if node.get("reach") == "reverse" else None
    return (
        node.get("node") or node.get("ip_address"),
        ", ".join(filter(None, (node.get("node_type"), reverse, silence))),
        node.get("cpu_count"),
        size(node.get("mem_free")),
        size(node.get("mem_total")),
        node.get("gpu_count") or "none",
        _device_memory(node),
    )


def _device_memory(node: Mapping[str, Any]) -> str | None:
    total = node.get("gpu_vram_total")
    if not total:
        return None
    return f"{size(node.get('gpu_vram_free'))} free of {size(total)}"


def _model_row(model: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        model["id"],
        state(str(model.get("state", "-"))),
        replica_count(model),
        model.get("restarts"),
        model.get("model_engine"),
        model.get("reason"),
    )


def _cause_panel(uid: str, cause: Mapping[str, Any]) -> Panel:
    lines: Sequence[str] = (
        str(cause.get("summary")),
        *evidence(cause),
        advice(uid, cause),
    )
    title = f"{uid} failed while {doing(cause)}"
    return Panel(Text("\n".join(lines)), title=Text(title), border_style="red", width=_PANEL_WIDTH)
