"""Calls about model files that are fetched without a launch. Run them with `client.run`.

What each returns says how far a download is, with sizes in bytes and times in unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from xinfer.client.call import Call, Json, given, nothing, path, query, same

if TYPE_CHECKING:
    from xinfer.client.results.files import Download


def cache_model(
    model_name: str,
    model_type: str = "LLM",
    model_engine: str | None = None,
    model_size_in_billions: int | str | None = None,
    model_format: str | None = None,
    quantization: str | None = None,
    worker_ip: str | None = None,
    download_hub: str | None = None,
    source: Mapping[str, Json] | None = None,
    cache_uid: str | None = None,
    *,
    wait_ready: bool = True,
) -> Call[Download]:
    """Fetch the files of a model and return the download.

    `model_engine` counts only for the formats that it reads. `wait_ready` False returns when the
    download has begun. Raises ClientError 400 for a model that is not known, 409 when `cache_uid`
    fetches other files, 499 when the download is ended by somebody, 503 when it fails.
    """
    wanted = dict(locals())
    return Call(
        what="download the model",
        method="POST",
        path="/v1/cache/models",
        query={} if wanted.pop("wait_ready") else query(wait_ready=False),
        body=given(**wanted),
        decode=same,
        silence_s=None,
    )


def get_cache_model_progress(cache_uid: str) -> Call[Download]:
    """How far a download is. Raises ClientError 404 when there is none of that uid."""
    return Call(
        what="follow the download",
        method="GET",
        path=path("v1", "cache", "models", cache_uid, "progress"),
        decode=same,
    )


def cancel_cache_model(cache_uid: str) -> Call[None]:
    """End a download; what has arrived stays.

    Raises ClientError 404 when there is none of that uid, 409 when it has ended.
    """
    return Call(
        what="cancel the download",
        method="POST",
        path=path("v1", "cache", "models", cache_uid, "cancel"),
        decode=nothing,
    )


def list_downloads() -> Call[list[Download]]:
    """Every download that is known, and those that launches wait for (`of_launch`)."""
    return Call(
        what="list the downloads",
        method="GET",
        path="/v1/downloads",
        decode=lambda document: document["list"],
    )


def pause_download(cache_uid: str) -> Call[Download]:
    """End it for now; what has arrived stays.

    Raises ClientError 404 when there is none of that uid, 409 when it has ended or is a launch's.
    """
    return _change("pause", cache_uid)


def resume_download(cache_uid: str) -> Call[Download]:
    """Go on where it ended. Raises ClientError 404 as `pause_download`, 409 when it is complete."""
    return _change("resume", cache_uid)


def forget_download(cache_uid: str) -> Call[Download]:
    """Strike it from the list; its files stay.

    Raises ClientError 404 when there is none of that uid, 409 while it runs.
    """
    return Call(
        what="forget the download",
        method="DELETE",
        path=path("v1", "downloads", cache_uid),
        decode=same,
    )


def _change(verb: str, cache_uid: str) -> Call[Download]:
    return Call(
        what=f"{verb} the download",
        method="POST",
        path=path("v1", "downloads", cache_uid, verb),
        decode=same,
    )
