"""The name of the model in replies of engines that know it by another name than its uid."""

from __future__ import annotations

import re

import msgspec

_NAME = re.compile(rb'"model"\s*:\s*"(?:[^"\\]|\\.)*"')
"""The key and its text. Within JSON strings quotes are escaped, so this matches keys only."""


class Naming:
    """Puts `uid` where a reply names the model; without a uid everything passes as it is.

    Replies are fed as whole documents or whole events, never cut within one.
    """

    def __init__(self, uid: str | None) -> None:
        self._name = b'"model":' + msgspec.json.encode(uid) if uid is not None else b""

    def __bool__(self) -> bool:
        """Whether anything is to be changed."""
        return bool(self._name)

    def __call__(self, reply: bytes) -> bytes:
        if not self._name:
            return reply
        return _NAME.sub(lambda _: self._name, reply)
