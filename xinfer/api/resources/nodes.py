"""`/cluster/nodes/...`: what workers call, with the cluster token."""

from __future__ import annotations

import falcon
import msgspec

from xinfer.api.schemas import body
from xinfer.domain.node import NodeReport
from xinfer.domain.state import Assignment
from xinfer.errors import Invalid
from xinfer.services.reports import Reports

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


def _render(resp: falcon.Response, assignment: Assignment) -> None:
    resp.content_type = falcon.MEDIA_JSON
    resp.data = msgspec.json.encode(assignment)
