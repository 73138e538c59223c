"""`xinfer replicas`, `timeline` and `events`: what became of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from xinfer.cli.output import columns, duration, emit, moment, output_option, state
from xinfer.cli.server import Server, find_model, server_options, uid_argument


@click.command()
@uid_argument()
@server_options
@output_option
def replicas(server: Server, uid: str, output: str) -> None:
    """List the replicas of a model.

    \b
    xinfer replicas chat
    """
    with server.connect() as client:
        find_model(client, uid)
        found = client.list_replicas(uid)
    headers = ("Replica", "Node", "Address", "State", "Restarts", "Why")
    emit(output, found, lambda: columns(headers, map(_replica_row, found)))


@click.command()
@uid_argument()
@server_options
@output_option
def timeline(server: Server, uid: str, output: str) -> None:
    """Show how long each phase of a launch took.

    \b
    xinfer timeline chat
    """
    with server.connect() as client:
        find_model(client, uid)
        found = client.get_timeline(uid)
    headers = ("Replica", "Phase", "Began", "Took")
    emit(output, found, lambda: columns(headers, _phase_rows(found)))


@click.command()
@uid_argument()
@server_options
@output_option
def events(server: Server, uid: str, output: str) -> None:
    """Show what happened to a model.

    The oldest comes first.

    \b
    xinfer events chat
    """
    with server.connect() as client:
        find_model(client, uid)
        found = client.get_events(uid)
    emit(output, found, lambda: columns(("When", "What", "Details"), map(_event_row, found)))


def _replica_row(replica: Mapping[str, Any]) -> tuple[Any, ...]:
    phase = str(replica.get("phase") or replica.get("status")).lower()
    return (
        replica["replica_model_uid"],
        replica.get("node") or replica.get("worker_address"),
        replica.get("model_address"),
        state("unwell" if replica.get("unwell") else phase),
        replica.get("restarts"),
        replica.get("error_message"),
    )


def _phase_rows(found: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for replica in found:
        for span in replica["phases"]:
            seconds = span.get("seconds")
            yield (
                replica["replica_id"],
                state(span["phase"]),
                moment(span["started_s"]),
                "so far" if seconds is None else duration(seconds),
            )


def _event_row(event: Mapping[str, Any]) -> tuple[Any, ...]:
    return (moment(event["event_ts"]), event["event_type"], event["event_content"])
