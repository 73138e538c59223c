"""The body of `POST /v1/autostart/models`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from xinfer.api.schemas import launch
from xinfer.domain.model import Restart
from xinfer.errors import Invalid


class Entry(msgspec.Struct, kw_only=True):
    """What is said about the start of a model, beside the launch itself."""

    enabled: bool = True
    priority: int = 100
    max_retries: int | None = None
    retry_interval_seconds: float | None = None
    launch: dict[str, Any] | None = None


def of(given: Mapping[str, Any]) -> launch.Launch:
    """The launch of an entry: under `launch`, or its keys beside the others.

    Raises Invalid, also for one that is not to start: here nothing is kept that does not run.
    """
    try:
        entry = msgspec.convert(given, Entry)
    except msgspec.ValidationError as error:
        raise Invalid(f"The entry cannot be read: {error}.", key="body") from error
    if not entry.enabled:
        raise Invalid(
            "enabled: a model that is declared runs, and comes back after a restart.",
            "Terminate it, and launch it again when it should run.",
            key="enabled",
        )
    loose = {
        key: value
        for key, value in given.items()
        if key not in {*Entry.__struct_fields__, "state", "wait_ready"}
    }
    made = launch.of(loose if entry.launch is None else entry.launch)
    return replace(made, spec=replace(made.spec, restart=_restart(entry, made)))


def _restart(entry: Entry, made: launch.Launch) -> Restart:
    restart = made.spec.restart
    if entry.max_retries is not None:
        if entry.max_retries < 1:
            raise Invalid("max_retries: it is below 1.", key="max_retries")
        restart = replace(restart, max_failures=entry.max_retries)
    if entry.retry_interval_seconds is not None:
        if entry.retry_interval_seconds < 1:
            raise Invalid("retry_interval_seconds: it is below 1.", key="retry_interval_seconds")
        backoff_s = float(entry.retry_interval_seconds)
        restart = replace(
            restart, backoff_s=backoff_s, backoff_max_s=max(backoff_s, restart.backoff_max_s)
        )
    return restart
