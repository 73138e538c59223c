"""TLS on a listener that its own machine may also use without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gevent
import gevent.socket
import gevent.ssl

from xinfer.domain.cluster import GatewaySettings
from xinfer.errors import Invalid

_HANDSHAKE = b"\x16"


class PlainRefused(Exception):
    """Another machine spoke without TLS."""


def tls_context(settings: GatewaySettings) -> gevent.ssl.SSLContext | None:
    """What serves the certificate of the recipe; None when it has none.

    Raises Invalid with the key when the files cannot be used.
    """
    if not settings.tls_cert:
        return None
    for key, path in (("tls_cert", settings.tls_cert), ("tls_key", settings.tls_key)):
        if not _is_file(path):
            raise Invalid(
                f"gateway.{key}: there is no file {path!r} that may be read.",
                "TLS needs a certificate chain and its private key, both as PEM files.",
                key=f"gateway.{key}",
            )
    context = gevent.ssl.create_default_context(gevent.ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ValueError) as error:
        raise Invalid(
            f"gateway.tls_cert: {settings.tls_cert} and its key cannot be used: {error}.",
            "Both must be PEM, without a passphrase, and belong together.",
            key="gateway.tls_cert",
        ) from error
    return context


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except OSError:
        return False


def secured(client: Any, context: gevent.ssl.SSLContext, handshake_s: float) -> Any:
    """The connection under TLS; as it is when this machine itself speaks plainly.

    Roles and commands of this machine need no certificate to find each other by. Raises
    PlainRefused, OSError for a handshake that fails, TimeoutError for one that takes too long.
    """
    with gevent.Timeout(handshake_s, TimeoutError):
        first = client.recv(1, gevent.socket.MSG_PEEK)
        if first in (b"", _HANDSHAKE):
            return context.wrap_socket(client, server_side=True)
    if client.getpeername()[0] != client.getsockname()[0]:
        raise PlainRefused
    return client


def holds_bytes(client: Any) -> bool:
    """Whether TLS has decrypted more than was read: the connection itself then looks silent."""
    return isinstance(client, gevent.ssl.SSLSocket) and client.pending() > 0
