"""The body of a management request: bounded, JSON, of the expected type."""

from __future__ import annotations

import re
from typing import TypeVar

import falcon
import msgspec

from xinfer.domain.names import did_you_mean
from xinfer.errors import Invalid

MAX_BYTES = 16 * 1024 * 1024

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""U+0000 as JSON writes it: no name, path or variable can hold it, and PostgreSQL stores none."""

_STRAY = re.compile(r"Object contains unknown field `([^`]*)`")
"""What msgspec says of a field of the body itself; of one further inside it adds where."""

T = TypeVar("T")


def is_given(req: falcon.Request) -> bool:
    """Whether there is a body; its length may not be known before its end."""
    return bool(req.content_length) or "HTTP_TRANSFER_ENCODING" in req.env


def read(req: falcon.Request, kind: type[T], what: str, limit: int = MAX_BYTES) -> T:
    """The decoded body. Raises Invalid naming `what` and the field; 413 beyond `limit` bytes."""
    raw = _bytes(req, limit)
    if b"\\u0000" in raw and _NUL.search(raw):
        raise Invalid(f"The {what} holds the character U+0000.", "Leave it out.", key="body")
    return _decoded(raw, kind, what)


def read_any(req: falcon.Request, kind: type[T], what: str) -> T:
    """Like `read`, with any character in it: what engines print is not chosen by who sends it."""
    return _decoded(_bytes(req, MAX_BYTES), kind, what)


def _bytes(req: falcon.Request, limit: int) -> bytes:
    # The server bounds the stream, by length or by chunks; Falcon only by length.
    raw: bytes = req.stream.read(limit + 1)
    if len(raw) > limit:
        raise falcon.HTTPContentTooLarge(description=f"The body is larger than {limit} bytes.")
    return raw


def _decoded(raw: bytes, kind: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except RecursionError:
        raise Invalid(f"The {what} is nested too deeply.", key="body") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        why = "it is empty" if not raw else str(error)
        stray = _STRAY.fullmatch(why)
        known = getattr(kind, "__struct_encode_fields__", ())
        hint = did_you_mean(stray[1], known) if stray else ""
        raise Invalid(f"The {what} cannot be read: {why}.", hint, key="body") from error
