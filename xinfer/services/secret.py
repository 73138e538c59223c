"""Secrets that are handed out: how they are made, and the digests by which they are known."""

from __future__ import annotations

import hashlib
import secrets
import string

_ALPHABET = string.ascii_letters + string.digits
_KEY_CHARACTERS = 48
_PREFIX_CHARACTERS = 10


def new_key() -> str:
    """A new API key: `xf-` and 48 letters and digits, 285 bits of chance."""
    return "xf-" + "".join(secrets.choice(_ALPHABET) for _ in range(_KEY_CHARACTERS))


def new_refresh_token() -> str:
    """A new refresh token."""
    return secrets.token_urlsafe(32)


def prefix(key: str) -> str:
    """The first characters of a key: enough to recognise it, far too few to guess it."""
    return key[:_PREFIX_CHARACTERS]


def digest(secret: str) -> str:
    """SHA-256 in hex. Secrets of ours are random, so that nothing slower is needed."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()
