"""`xinfer stop-cluster`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from xinfer.cli.failure import Failure
from xinfer.cli.server import Server, server_options
from xinfer.client import ClientError, RESTfulClient
from xinfer.client import cluster as calls

if TYPE_CHECKING:
    from xinfer.client.results.cluster import Worker

_MISSING = (404, 405)


@click.command("stop-cluster")
@click.option("--check", is_flag=True, help="Do not ask.")
@server_options
def stop_cluster(server: Server, check: bool) -> None:
    """Stop every worker and the supervisor, from anywhere.

    The endpoint has to be named. Running requests are answered first. Declared models are
    remembered and come back with the next start.

    \b
    xinfer stop-cluster -e http://10.0.0.1:9997
    """
    if _is_unnamed():
        raise click.UsageError("Name the cluster: `xinfer stop-cluster -e URL`.")
    with server.connect() as client:
        supervisor = client.run(calls.get_supervisor_info())
        click.echo(f"Supervisor: {supervisor['supervisor_ip']}")
        for worker in client.run(calls.get_workers_info()):
            click.echo(f"Worker: {worker['work-ip']} ({_models(worker)})")
        if not check:
            click.confirm(f"Stop the cluster at {server.endpoint}?", abort=True)
        click.echo(f"Cluster stopped: {_stopped(client)}")


def _is_unnamed() -> bool:
    context = click.get_current_context()
    return context.get_parameter_source("endpoint") is ParameterSource.DEFAULT


def _models(worker: Worker) -> str:
    return ", ".join(worker["models"]) or "no models"


def _stopped(client: RESTfulClient) -> bool:
    try:
        return client.run(calls.abort_cluster())["result"]
    except ClientError as error:
        if error.status in _MISSING:
            what = f"The server at {client.base_url} cannot be stopped from afar."
            raise Failure(what, "Use `xinfer down` on each of its machines.") from error
        raise
