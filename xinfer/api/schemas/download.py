"""The body of `POST /v1/cache/models`: that of a launch, with a name for the download."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import falcon

from xinfer.api.schemas import body, launch
from xinfer.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be fetched, and the name under which it is followed (None = made up)."""

    launch: launch.Launch
    cache_uid: str | None


def read(req: falcon.Request) -> Wanted:
    """Raises Invalid, with the key. An engine is not needed, and counts only for what it reads."""
    given = body.read(req, dict[str, Any], "download")
    cache_uid = given.pop("cache_uid", None)
    if cache_uid is not None and not isinstance(cache_uid, str):
        raise Invalid(f"cache_uid: expected a text, got {cache_uid!r}.", key="cache_uid")
    return Wanted(launch=launch.of(given, needs_engine=False), cache_uid=cache_uid)
