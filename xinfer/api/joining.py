"""What the log says of nodes that are refused."""

from __future__ import annotations

import logging
from typing import Any

import falcon

from xinfer.errors import Conflict, Invalid, Unauthorized

log = logging.getLogger("xinfer.cluster")

_NODES = "/cluster/nodes/"
_REPORT = "/report"
_NO_TOKEN = "it does not have this cluster's token; `xinfer token` prints it here."
_KNOWN = 256
"""Who has no token can call itself anything: the log is not filled with that."""
_SHOWN = 100


class Joining:
    """One warning for each node and reason, and not at every try; anew once it has reported."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], str] = {}

    def process_response(
        self, req: falcon.Request, _resp: falcon.Response, _resource: Any, succeeded: bool
    ) -> None:
        # Every request comes by here, those for tokens too.
        if _NODES not in req.path:
            return
        path = f"/{req.path.lstrip('/')}"
        if not (path.startswith(_NODES) and path.endswith(_REPORT)):
            return
        # Two machines may go by one name, by mistake.
        node = (path.removeprefix(_NODES).removesuffix(_REPORT)[:_SHOWN], req.remote_addr or "")
        error = getattr(req.context, "error", None)
        if succeeded:
            self._told.pop(node, None)
        elif isinstance(error, Unauthorized | Conflict | Invalid):
            self._tell(node, _NO_TOKEN if isinstance(error, Unauthorized) else str(error))

    def _tell(self, node: tuple[str, str], why: str) -> None:
        before = self._told.get(node)
        if before == why or (before is None and len(self._told) >= _KNOWN):
            return
        self._told[node] = why
        log.warning("Node %r at %s is refused: %s", *node, why)
