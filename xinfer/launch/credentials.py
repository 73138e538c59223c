"""Whether callers need a key, which keys there are without a store, and the secrets of the home."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from xinfer.domain.cluster import Settings
from xinfer.domain.home import Home
from xinfer.domain.identity import Principal
from xinfer.launch.preflight import kept_secret
from xinfer.services.directory import fixed_principal
from xinfer.services.secret import digest, new_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Read, or made, once per start: processes that each made their own would disagree.

    `keys` are those of the recipe; `admin_key` that of the home, empty when there are others.
    """

    needed: bool
    keys: tuple[str, ...] = field(default=(), repr=False)
    admin_key: str = field(default="", repr=False)
    cluster_token: str = field(repr=False)
    token_secret: str = field(repr=False)

    def principals(self) -> Mapping[str, Principal]:
        """Who has these keys, by digest: administrators."""
        found = {digest(key): fixed_principal(key) for key in self.keys}
        if self.admin_key:
            found[digest(self.admin_key)] = fixed_principal(self.admin_key, "admin key")
        return found


def credentials(home: Home, settings: Settings) -> Credentials:
    """Those of an installation. Its admin key is made when authentication is on without any."""
    needed = auth_is_on(settings)
    own = needed and not settings.auth.keys
    return Credentials(
        needed=needed,
        keys=settings.auth.keys,
        admin_key=kept_secret(home.admin_key, new_key) if own else "",
        cluster_token=home.cluster_token.read_text(encoding="utf-8").strip(),
        token_secret=kept_secret(home.token_secret, lambda: secrets.token_hex(32)),
    )


def auth_is_on(settings: Settings) -> bool:
    """`auto` means: needed as soon as anyone but this machine can connect."""
    mode = settings.auth.mode
    return mode == "on" or (mode == "auto" and not is_loopback(settings.cluster.host))


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can connect to a server that listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
