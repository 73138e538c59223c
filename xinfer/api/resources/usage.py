"""`/v1/usage` and `/v1/audit/search`: what was used, and what was done by whom."""

from __future__ import annotations

import falcon

from xinfer.domain.record import AuditQuery
from xinfer.services.audit import Audit as AuditService
from xinfer.services.usage import Usage as UsageService
from xinfer.services.usage import UsageRequest

_LIMIT = 100
_LAST = 2**63 - 1
"""The largest id that a store has."""


class Usage:
    """By day, key and model; `key`, `model`, `from` and `to` narrow it."""

    def __init__(self, usage: UsageService) -> None:
        self._usage = usage

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        asked = UsageRequest(
            key=req.get_param("key", default=""),
            model=req.get_param("model", default=""),
            first_day=req.get_param("from", default=""),
            last_day=req.get_param("to", default=""),
        )
        lines = self._usage.lines(req.context.principal, asked)
        resp.media = {"object": "list", "data": lines}


class Audit:
    """Newest first; `before` is the id of the oldest entry that was seen."""

    def __init__(self, audit: AuditService) -> None:
        self._audit = audit

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        query = AuditQuery(
            principal=req.get_param("principal", default=""),
            action=req.get_param("action", default=""),
            target=req.get_param("target", default=""),
            since_s=req.get_param_as_float("since", default=0.0),
            before=req.get_param_as_int("before", min_value=0, max_value=_LAST, default=0),
            limit=req.get_param_as_int("limit", min_value=1, default=_LIMIT),
        )
        resp.media = {"object": "list", "data": self._audit.search(query)}
