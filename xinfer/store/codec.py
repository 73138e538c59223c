"""Domain values as bytes and back. Fields that a newer version added are ignored when read."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from xinfer.errors import StoreFailed

T = TypeVar("T")


def encode(value: object) -> bytes:
    """JSON of a domain value."""
    return msgspec.json.encode(value)


def decode(body: bytes, kind: type[T]) -> T:
    """The domain value in `body`. Raises StoreFailed when it is not one."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreFailed(
            f"A stored {kind.__name__} cannot be read: {error}.",
            "Was the store written by a newer xinfer? Restore a backup of state/xinfer.db.",
        ) from error
