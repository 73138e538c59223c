"""`xinfer-local`, `xinfer-supervisor`, `xinfer-worker`: roles without a recipe, by a few flags."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import click

import xinfer
from xinfer.config.settings import CLUSTER_TOKEN, ENDPOINT, HOME, environment
from xinfer.domain.home import Home
from xinfer.errors import Invalid
from xinfer.launch import record

_ANYWHERE = {"0.0.0.0", "::", ""}
_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"]}

_LEVELS = click.Choice(["debug", "info", "warning", "error"], case_sensitive=False)
_PORT = click.IntRange(1, 65535)
_PORT_HELP = "Port to serve at."

Command = Callable[..., None]


def _log_level(command: Command) -> Command:
    option = click.option(
        "--log-level", type=_LEVELS, default="info", show_default=True, help="Our own logs."
    )
    return option(command)


def _unused(*spellings: str, is_flag: bool = False) -> Callable[[Command], Command]:
    """An option of Xinference that has nothing to set here: it is taken, so that scripts go on."""
    return click.option(
        *spellings,
        is_flag=is_flag,
        expose_value=False,
        hidden=True,
        help="Accepted, and not needed.",
    )


@click.command(context_settings=_SETTINGS)
@click.option("-H", "--host", default="127.0.0.1", show_default=True, help="Address to serve at.")
@click.option("-p", "--port", type=_PORT, default=9997, show_default=True, help=_PORT_HELP)
@_log_level
@_unused("-MH", "--metrics-exporter-host")
@_unused("-mp", "--metrics-exporter-port")
@click.version_option(xinfer.__version__, "--version", "-v", message="%(version)s")
def local(host: str, port: int, log_level: str) -> None:
    """Serve on this machine: supervisor and worker, with the models that were declared before.

    The same as `xinfer-up cluster.host=... cluster.port=...`.
    """
    _up(f"cluster.host={host}", f"cluster.port={port}", _level(log_level))


@click.command(context_settings=_SETTINGS)
@click.option("-H", "--host", default="0.0.0.0", show_default=True, help="Address to serve at.")
@click.option("-p", "--port", type=_PORT, default=9997, show_default=True, help=_PORT_HELP)
@_log_level
@_unused("--supervisor-port")
def supervisor(host: str, port: int, log_level: str) -> None:
    """Serve the API for a cluster; workers on other machines join with the cluster's token.

    `xinfer token` prints that token on this machine.
    """
    where = (f"cluster.host={host}", f"cluster.port={port}")
    _up("cluster.role=supervisor", *where, f"cluster.node={_here()}", _level(log_level))


@click.command(context_settings=_SETTINGS)
@click.option("-e", "--endpoint", default="", help="URL of the supervisor.")
@click.option("-H", "--host", default="", help="Address at which other machines reach this one.")
@click.option("--node", default="", help="Name of this machine in the cluster; its host name.")
@click.option("--token", default="", help="Token of the cluster; or by XINFER_CLUSTER_TOKEN.")
@click.option(
    "--reverse",
    is_flag=True,
    help="Serve by connections that are opened from here: nothing needs to reach this machine.",
)
@_log_level
@_unused("--worker-port")
@_unused("-MH", "--metrics-exporter-host")
@_unused("--metrics-exporter-port")
@_unused("--replace-worker", is_flag=True)
def worker(endpoint: str, host: str, node: str, token: str, reverse: bool, log_level: str) -> None:
    """Run models of a cluster on this machine.

    The supervisor says which; they serve through it. A worker of the supervisor's own machine and
    home finds the token by itself.
    """
    url = (endpoint or environment(os.environ).endpoint).rstrip("/")
    if urlsplit(url).hostname is None:
        raise click.BadParameter(f"'{url}' is no URL such as http://10.0.0.1:9997", param_hint="-e")
    name = node or _here()
    _settle_home(name)
    if token:
        os.environ[CLUSTER_TOKEN.name] = token
    _up(
        "cluster.role=worker",
        f"cluster.supervisor={url}",
        f"cluster.worker_host={host if host not in _ANYWHERE else _towards(url)}",
        f"cluster.node={name}",
        *(["cluster.reach=reverse"] if reverse else []),
        _level(log_level),
    )


def _up(*words: str) -> None:
    from xinfer.launch.up import main

    main(list(words))


def _level(given: str) -> str:
    return f"log.level={given.lower()}"


def _here() -> str:
    return socket.gethostname()


def _settle_home(node: str) -> None:
    """A home of its own, below, for a worker whose home another launcher has; with its token."""
    home = Home(environment(os.environ).home)
    if record.living(home) is None:
        return
    if not environment(os.environ).cluster_token:
        os.environ[CLUSTER_TOKEN.name] = home.cluster_token.read_text(encoding="utf-8").strip()
    os.environ[HOME.name] = str(home.root / "workers" / node)


def _towards(url: str) -> str:
    """The address of this machine on its way to the supervisor; nothing is sent."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 9997
    try:
        family, kind, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(target)
            return str(probe.getsockname()[0])
    except OSError as error:
        problem = Invalid(
            f"There is no way from here to {url}: {error.strerror or error}.",
            f"Check the address that -e or {ENDPOINT.name} gives.",
        )
        raise click.ClickException(str(problem)) from error
