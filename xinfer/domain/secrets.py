"""What the processes of one cluster derive from their common token."""

from __future__ import annotations

import hashlib
import hmac


def replica_secret(cluster_token: str, replica_id: str) -> str:
    """What opens one replica to callers from other hosts; 64 hex digits."""
    message = f"replica:{replica_id}".encode()
    return hmac.new(cluster_token.encode(), message, hashlib.sha256).hexdigest()
