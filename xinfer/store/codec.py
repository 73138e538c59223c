"""Domain values as bytes and back.

Fields that a newer version added are ignored when read. A change that older code would misread
gets a higher `VERSION`, so that older code refuses it instead.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from xinfer.errors import StoreFailed

VERSION = 1

T = TypeVar("T")


class _Envelope(msgspec.Struct):
    version: int
    value: msgspec.Raw


def encode(value: object) -> bytes:
    """JSON of a domain value with its version."""
    raw = msgspec.Raw(msgspec.json.encode(value))
    return msgspec.json.encode(_Envelope(version=VERSION, value=raw))


def decode(body: bytes, kind: type[T]) -> T:
    """The domain value in `body`. Raises StoreFailed when it is not one, or of a newer version."""
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
        if envelope.version > VERSION:
            raise StoreFailed(
                f"A stored {kind.__name__} was written by a newer xinfer.",
                "Install that version again, or restore a backup of the state.",
            )
        return msgspec.json.decode(envelope.value, type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreFailed(
            f"A stored {kind.__name__} cannot be read: {error}.", "Restore a backup of the state."
        ) from error
