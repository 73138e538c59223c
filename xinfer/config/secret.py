"""Which values must not be shown to people."""

from __future__ import annotations

import re

MASK = "***"

_KEY = re.compile(r"token|secret|passw|api_?key|credential|^auth\.keys", re.IGNORECASE)
_URL = re.compile(r"(://[^:/@\s]+:)[^@/\s]+@")


def is_secret(key: str) -> bool:
    """Whether the name of a dotted key says that its value is a secret."""
    return _KEY.search(key) is not None


def without_password(text: str) -> str:
    """`text` with the password of every URL in it masked."""
    return _URL.sub(rf"\1{MASK}@", text)
