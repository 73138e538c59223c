"""The worker role: a node and its read-only API in one gunicorn process."""

from __future__ import annotations

import socket
from typing import Any

from xinfer.domain.cluster import Settings
from xinfer.domain.home import Home
from xinfer.domain.node import Reach
from xinfer.engines.registry import Registry
from xinfer.errors import Invalid
from xinfer.launch.endpoint import reachable_host, url_host
from xinfer.launch.environments import engine_environments
from xinfer.launch.gunicorn import RoleApplication, Server
from xinfer.launch.sources import NodeCache, hubs
from xinfer.worker.app import create_app
from xinfer.worker.link import HttpLink
from xinfer.worker.node import Node

_LOOPBACK = "127.0.0.1"


def serve(home: Home, settings: Settings) -> None:
    """Run the role; ends only with the process."""
    cluster = settings.cluster
    reverse = cluster.reach == Reach.REVERSE
    # Bound here, so that the node can report the port before gunicorn has started.
    reached_at = cluster.worker_host
    # What comes by ways comes from this machine: nothing else needs to get in.
    inside = _LOOPBACK if reverse or not reached_at else reached_at
    listener = _listen(inside)
    port = listener.getsockname()[1]
    home.worker_address.write_text(f"{url_host(inside)}:{port}", encoding="utf-8")
    nodes: list[Node] = []
    engines = Registry()

    def make() -> Any:
        node = Node(
            settings=settings,
            home=home,
            engines=engines,
            environments=engine_environments(home, engines),
            hubs=hubs(home),
            link=HttpLink(supervisor_url(settings), cluster.node, home.cluster_token),
            address=f"{url_host(reached_at or _LOOPBACK)}:{port}",
            door_host=inside if reverse or reached_at else None,
        )
        node.start()
        nodes.append(node)
        return create_app(node, home.cluster_token, NodeCache(home))

    def stop() -> None:
        for node in nodes:
            node.stop()

    RoleApplication(
        Server(
            name="worker",
            bind=f"fd://{listener.fileno()}",
            make=make,
            stop=stop,
            graceful_timeout_s=5.0,
        )
    ).run()


def _listen(host: str) -> socket.socket:
    """Raises Invalid when this machine does not have the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, 0), family=family, backlog=64)
    except OSError as error:
        raise Invalid(
            f"cluster.worker_host: cannot listen on {host}: {error.strerror or error}.",
            "Give an address of this machine that the other machines reach.",
            key="cluster.worker_host",
        ) from error


def supervisor_url(settings: Settings) -> str:
    """Of the one that this machine's worker joins."""
    cluster = settings.cluster
    return cluster.supervisor or f"http://{url_host(reachable_host(cluster.host))}:{cluster.port}"
