"""`/cluster/nodes/...`: what workers call, with the cluster token."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import falcon
import msgspec

from xinfer.api.schemas import body
from xinfer.domain.node import NodeReport, Reach
from xinfer.domain.state import Assignment
from xinfer.domain.way import TAKER, UPGRADE
from xinfer.errors import Conflict, Invalid, NotReady
from xinfer.gateway.ways import Ways
from xinfer.services.reports import Reports
from xinfer.services.view import View

_MAX_WAIT_S = 60.0


class NodeReports:
    """A report in, the node's whole assignment out."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    def on_post(self, req: falcon.Request, resp: falcon.Response, node: str) -> None:
        report = body.read_any(req, NodeReport, f"report of node '{node}'")
        if report.node != node:
            raise Invalid(f"A report of node '{report.node}' was sent for node '{node}'.")
        _render(resp, self._reports.report(report))


class NodeAssignment:
    """The assignment as soon as it differs from the known revision."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    def on_get(self, req: falcon.Request, resp: falcon.Response, node: str) -> None:
        revision = req.get_param_as_int("revision", default=-1)
        wait_s = req.get_param_as_float("wait_s", min_value=0.0, default=0.0)
        _render(resp, self._reports.watch(node, revision, min(wait_s, _MAX_WAIT_S)))


class NodeWay:
    """A connection of a node to be used in the other direction. `view()` is how things stand.

    The server that runs this hands the connection to what it finds in the environment as TAKER.
    """

    def __init__(self, ways: Ways, view: Callable[[], View]) -> None:
        self._ways = ways
        self._view = view

    def on_get(self, req: falcon.Request, resp: falcon.Response, node: str) -> None:
        if req.get_header("Upgrade") != UPGRADE:
            raise Invalid(f"A way begins with `Upgrade: {UPGRADE}`.")
        known = self._view().observed.nodes.get(node)
        if known is None:
            raise NotReady(f"Node '{node}' has not joined yet.", retry_after_s=1.0)
        if known.report.reach is not Reach.REVERSE:
            raise Conflict(
                f"Node '{node}' has joined as one that can be connected to.",
                "Start its worker with --reverse.",
            )
        req.env[TAKER] = partial(self._ways.offer, node)
        resp.status = falcon.HTTP_101


def _render(resp: falcon.Response, assignment: Assignment) -> None:
    resp.content_type = falcon.MEDIA_JSON
    resp.data = msgspec.json.encode(assignment)
