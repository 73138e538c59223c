"""The body of a management request: bounded, JSON, of the expected type."""

from __future__ import annotations

from typing import TypeVar

import falcon
import msgspec

from xinfer.errors import Invalid

_MAX_BYTES = 16 * 1024 * 1024

T = TypeVar("T")


def read(req: falcon.Request, kind: type[T], what: str) -> T:
    """The decoded body. Raises Invalid naming `what` and the field; 413 beyond 16 MiB."""
    raw = req.bounded_stream.read(_MAX_BYTES + 1)
    if len(raw) > _MAX_BYTES:
        raise falcon.HTTPContentTooLarge(description=f"The body is larger than {_MAX_BYTES} bytes.")
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        why = "it is empty" if not raw else str(error)
        raise Invalid(f"The {what} cannot be read: {why}.", key="body") from error
