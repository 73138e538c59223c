"""The worker role: a node and its read-only API in one gunicorn process."""

from __future__ import annotations

import socket
from typing import Any

from xinfer.domain.cluster import Settings
from xinfer.domain.home import Home
from xinfer.engines.registry import Registry
from xinfer.launch.endpoint import reachable_host, url_host
from xinfer.launch.gunicorn import RoleApplication, Server
from xinfer.launch.sources import hubs
from xinfer.worker.app import create_app
from xinfer.worker.link import HttpLink
from xinfer.worker.node import Node


def serve(home: Home, settings: Settings) -> None:
    """Run the role; ends only with the process."""
    # Bound here, so that the node can report the port before gunicorn has started.
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    host, port = listener.getsockname()[:2]
    nodes: list[Node] = []

    def make() -> Any:
        node = Node(
            settings=settings,
            home=home,
            engines=Registry(),
            hubs=hubs(home),
            link=HttpLink(_supervisor_url(settings), settings.cluster.node, home.cluster_token),
            address=f"{host}:{port}",
        )
        node.start()
        nodes.append(node)
        return create_app(node, home.cluster_token)

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


def _supervisor_url(settings: Settings) -> str:
    cluster = settings.cluster
    return cluster.supervisor or f"http://{url_host(reachable_host(cluster.host))}:{cluster.port}"
