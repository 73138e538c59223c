"""Amounts of memory as people write them."""

from __future__ import annotations

import re

_FORM = re.compile(
    r"\s*([0-9]{1,18}(?:\.[0-9]{1,18})?)\s*([KMGT]i?B|[KMGT]i|B)\s*\Z", re.IGNORECASE
)
_NUMBER = re.compile(r"\s*[0-9]{1,18}\s*\Z")
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}
HINT = "Write bytes, or a unit: 512MiB, 2GiB (of 1024), 2GB (of 1000)."


def to_bytes(given: object) -> int | None:
    """`2GiB` or a number of bytes as bytes; None when it is neither or not positive."""
    if isinstance(given, str) and not _NUMBER.match(given):
        form = _FORM.match(given)
        if form is None:
            return None
        unit = form[2].lower()
        base = 1024 if "i" in unit else 1000
        return round(float(form[1]) * base ** _POWERS.get(unit[0], 0)) or None
    if isinstance(given, bool) or not isinstance(given, int | str):
        return None
    return int(given) if int(given) > 0 else None
