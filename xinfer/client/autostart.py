"""Calls about what starts by itself, as Xinference lists it: that is what is desired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from xinfer.client.call import Call, Json, path, same

if TYPE_CHECKING:
    from xinfer.client.results.declared import AutostartConfig, AutostartSummary


def get_autostart_config() -> Call[AutostartConfig]:
    """The launch of each model that is desired; what looks secret in it shows as `******`."""
    return Call(what="read the autostart", method="GET", path="/v1/autostart/models", decode=same)


def get_autostart_model_summary() -> Call[AutostartSummary]:
    """The same in short: `model_uid` and `enabled` of each."""
    return Call(
        what="read the autostart",
        method="GET",
        path="/v1/autostart/models/summary",
        decode=same,
    )


def upsert_autostart_model(entry: Mapping[str, Json]) -> Call[AutostartConfig]:
    """Add or change an entry, `{"launch": {...}}` or a flat launch, and return the whole.

    It starts now too, without being waited for. What shows as `******` stays what it was. Raises
    ClientError 400 for one that is disabled or cannot be launched.
    """
    return Call(
        what="change the autostart",
        method="POST",
        path="/v1/autostart/models",
        body=dict(entry),
        decode=same,
    )


def remove_autostart_model(model_uid: str) -> Call[AutostartSummary]:
    """Drop an entry, with what runs of it, and return the summary of the others.

    Nothing happens for a uid that has none.
    """
    return Call(
        what="change the autostart",
        method="DELETE",
        path=path("v1", "autostart", "models", model_uid),
        decode=same,
    )
