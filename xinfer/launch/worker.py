"""The worker role: a node and its read-only API in one gunicorn process."""

from __future__ import annotations

import socket
from typing import Any

from xinfer.domain.cluster import Settings
from xinfer.domain.home import Home
from xinfer.engines.registry import Registry
from xinfer.errors import Invalid
from xinfer.launch.endpoint import reachable_host, url_host
from xinfer.launch.environments import engine_environments
from xinfer.launch.gunicorn import RoleApplication, Server
from xinfer.launch.sources import NodeCache, hubs
from xinfer.worker.app import create_app
from xinfer.worker.link import HttpLink
from xinfer.worker.node import Node


def serve(home: Home, settings: Settings) -> None:
    """Run the role; ends only with the process."""
    # Bound here, so that the node can report the port before gunicorn has started.
    reached_at = settings.cluster.worker_host
    listener = _listen(reached_at or "127.0.0.1")
    port = listener.getsockname()[1]
    nodes: list[Node] = []
    engines = Registry()

    def make() -> Any:
        node = Node(
            settings=settings,
            home=home,
            engines=engines,
            environments=engine_environments(home, engines),
            hubs=hubs(home),
            link=HttpLink(_supervisor_url(settings), settings.cluster.node, home.cluster_token),
            address=f"{url_host(reached_at or '127.0.0.1')}:{port}",
            door_host=reached_at or None,
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


def _supervisor_url(settings: Settings) -> str:
    cluster = settings.cluster
    return cluster.supervisor or f"http://{url_host(reachable_host(cluster.host))}:{cluster.port}"
