"""Who calls: API keys from memory on every route, the cluster token for roles of the cluster."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

import falcon

from xinfer.errors import Unauthorized

_PUBLIC = frozenset({"/health", "/healthz", "/readyz", "/v1/cluster/auth"})
_CLUSTER = "/cluster/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """`name` is for logs and usage; it never contains a secret."""

    name: str
    is_cluster: bool = False


ANONYMOUS = Principal(name="anonymous")
CLUSTER = Principal(name="cluster", is_cluster=True)


class Authenticator:
    """`enabled` False lets everyone do everything but speak as a role of the cluster.

    Keys are kept as digests: a look at the memory of the process shows none.
    """

    def __init__(self, *, enabled: bool, keys: Iterable[str], cluster_token: str) -> None:
        self.enabled = enabled
        self._keys = {_digest(key): Principal(name=f"key-{_digest(key).hex()[:8]}") for key in keys}
        self._cluster = _digest(cluster_token)

    def identify(self, req: falcon.Request) -> Principal:
        """Raises Unauthorized without a valid credential of the kind that the path needs."""
        # As the router reads it: leading slashes do not count there, so they must not here.
        path = f"/{req.path.lstrip('/')}"
        if path in _PUBLIC:
            return ANONYMOUS
        is_role = path.startswith(_CLUSTER)
        if not self.enabled and not is_role:
            return ANONYMOUS
        given = _credential(req.env)
        if not given:
            raise Unauthorized(
                "This needs an API key.", "Send it as `Authorization: Bearer <key>`."
            )
        digest = _digest(given)
        if hmac.compare_digest(digest, self._cluster):
            return CLUSTER
        if is_role:
            raise Unauthorized("This needs the cluster token of the supervisor's home folder.")
        principal = self._keys.get(digest)
        if principal is None:
            raise Unauthorized("The API key is not valid.", "Check it, or ask for a new one.")
        return principal


def _credential(environ: dict[str, str]) -> str:
    header = environ.get("HTTP_AUTHORIZATION", "")
    if header[:7].lower() == "bearer ":
        return header[7:].strip()
    return environ.get("HTTP_X_API_KEY", "")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
