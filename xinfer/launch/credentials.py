"""Whether callers need a key, and which keys there are."""

from __future__ import annotations

import ipaddress
import secrets

from xinfer.domain.cluster import Settings
from xinfer.domain.home import Home
from xinfer.launch.preflight import write_secret


def auth_is_on(settings: Settings) -> bool:
    """`auto` means: needed as soon as anyone but this machine can connect."""
    mode = settings.auth.mode
    return mode == "on" or (mode == "auto" and not _is_loopback(settings.cluster.host))


def api_keys(home: Home, settings: Settings) -> tuple[str, ...]:
    """The keys of the recipe; the admin key of this home when authentication is on without any."""
    if settings.auth.keys or not auth_is_on(settings):
        return settings.auth.keys
    path = home.admin_key
    if not path.exists():
        write_secret(path, f"xi-{secrets.token_urlsafe(32)}")
    return (path.read_text(encoding="utf-8").strip(),)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
