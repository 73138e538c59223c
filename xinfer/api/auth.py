"""Who calls, and whether they may: credentials are looked up in memory on every request."""

from __future__ import annotations

import hashlib
import hmac

import falcon

from xinfer.api.scopes import PUBLIC_PATHS, PUBLIC_PREFIXES, Access, Need
from xinfer.domain.identity import ANONYMOUS, CLUSTER, Principal, Scope
from xinfer.errors import Forbidden, Unauthorized
from xinfer.services.directory import Directory

_CLUSTER = "/cluster/"
_USING = (Scope.MODELS_LIST, Scope.MODELS_READ)

NOBODY = Principal(id="nobody", name="nobody", scopes=frozenset(), models=frozenset())
"""Whoever calls a public route where authentication is on."""


class Authenticator:
    """`enabled` False lets everyone do everything but speak as a role of the cluster."""

    def __init__(self, *, enabled: bool, directory: Directory, cluster_token: str) -> None:
        self.enabled = enabled
        self._directory = directory
        self._cluster = _digest(cluster_token)

    def identify(self, req: falcon.Request) -> Principal:
        """Raises Unauthorized without a valid credential of the kind that the path needs."""
        # As the router reads it: leading slashes do not count there, so they must not here.
        path = f"/{req.path.lstrip('/')}"
        is_role = path.startswith(_CLUSTER)
        if not is_role:
            if not self.enabled:
                return ANONYMOUS
            if path in PUBLIC_PATHS or (PUBLIC_PREFIXES and path.startswith(PUBLIC_PREFIXES)):
                return NOBODY
        given = _credential(req.env)
        if not given:
            raise Unauthorized(
                "This needs an API key.", "Send it as `Authorization: Bearer <key>`."
            )
        if hmac.compare_digest(_digest(given), self._cluster):
            return CLUSTER
        if is_role:
            raise Unauthorized("This needs the cluster token of the supervisor's home folder.")
        return self._directory.identify(given)

    def allow(self, principal: Principal, need: Access, uid: str | None) -> None:
        """Whether a caller may do what needs this, to the model `uid` if it is about one.

        Raises Unauthorized or Forbidden.
        """
        if need is Need.PUBLIC:
            return
        if need is Need.ROLE and not principal.is_cluster:
            raise Unauthorized("This needs the cluster token of the supervisor's home folder.")
        if principal is NOBODY:
            raise Unauthorized("This needs an API key.")
        if isinstance(need, Scope):
            principal.require(need)
            if principal.models is not None:
                _check_models(principal, need, uid)

    def permits(self, req: falcon.Request, need: Access, uid: str | None) -> bool:
        """Whether a request that was let in would be now, too: for replies that go on for long."""
        try:
            self.allow(self.identify(req), need, uid)
        except (Unauthorized, Forbidden):
            return False
        return True


def _check_models(principal: Principal, need: Scope, uid: str | None) -> None:
    """Who is bound to some models touches those, and changes nothing else."""
    if uid is not None:
        principal.require_model(uid)
    elif need not in _USING:
        raise Forbidden(
            f"'{principal.name}' is for some models only, and this is not about one of them.",
            "Use a key without a list of models.",
        )


def _credential(environ: dict[str, str]) -> str:
    header = environ.get("HTTP_AUTHORIZATION", "")
    if header[:7].lower() == "bearer ":
        return header[7:].strip()
    return environ.get("HTTP_X_API_KEY", "").strip()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="surrogateescape")).digest()
