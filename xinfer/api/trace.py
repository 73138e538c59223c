"""Every request has an id: the client's, or one of ours; it comes back in the reply."""

from __future__ import annotations

import os
import re

_USABLE = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}\Z")


def request_id(given: str | None) -> str:
    """`given` if it is safe to repeat in headers and logs, else 16 random bytes in hex."""
    if given and _USABLE.match(given):
        return given
    return os.urandom(16).hex()
