"""Where the API is odd on purpose, because clients of Xinference count on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from xinfer.errors import Invalid, NotFound


@contextmanager
def unknown_uid_is_bad_request() -> Iterator[None]:
    """Describing or terminating an unknown uid answers 400, not 404 as inference does."""
    try:
        yield
    except NotFound as error:
        raise Invalid(error.message, error.hint, key="model_uid") from error
