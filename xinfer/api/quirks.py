"""Where the API is odd on purpose, because clients of Xinference count on it.

Where its server is plainly wrong, ours is not, and no client of it minds:

    there                                                 here
    a body that cannot be read, or names no model: 500    400, naming the key
    a wrong query parameter: 422, `detail` is a list      400, `detail` is one text
    an unexpected fault: 500 as plain text, with it       500 as JSON, with the id to look it up by
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import falcon

from xinfer.errors import Invalid, NotFound

SIZE_KEYS = ("model_size_in_billions", "size_in_billions")
"""Its documentation shows the second, its server reads the first: both are read here."""

_NONE = (None,)
_NO = (None, False)

REFUSED_LAUNCH_KEYS: Mapping[str, tuple[tuple[object, ...], str]] = {
    "n_worker": ((None, 1), "A replica runs on one node; use replica for several of them."),
    "replica_config": (_NONE, "Use replica, worker_ip, n_gpu and gpu_idx."),
    "enable_virtual_env": (_NO, "Set engine.<name>.env in the recipe."),
    "virtual_env_packages": (_NONE, "Set engine.<name>.env in the recipe."),
    "virtual_env_find_links": (_NONE, "Set engine.<name>.env in the recipe."),
    "model_python_executable": (_NONE, "Set engine.<name>.env in the recipe."),
}
"""Keys of the peer's launch with no meaning here: the values that may be ignored, and what to do
instead of others. Ignoring those too would launch something else than was asked for.
"""


_LAUNCHER = "The launcher replaces processes that end; run xinfer-up again after an update."
_SETTINGS = "Settings are those of the recipe; xinfer-up --print shows them."
_PAGES = "Pages of Xinference keep it; those at /ui do without."
_ROUTER = "Each request goes to the replica that has the least to do; no models stand for others."

ELSEWHERE: Mapping[str, str] = {
    "/v1/api/relaunch": _LAUNCHER,
    "/v1/api-relaunches": _LAUNCHER,
    "/v1/supervisor/relaunch": _LAUNCHER,
    "/v1/supervisor-relaunches": _LAUNCHER,
    "/v1/workers/": _LAUNCHER,
    "/v1/worker-relaunches": _LAUNCHER,
    "/v1/virtualenvs": "Environments belong to engines, not to models; see xinfer env list.",
    "/v1/models/llm/auto-register": "Files can be launched as they are: give model_path.",
    "/v1/models/update_type": "Families come with releases; others are registered.",
    "/v1/models/update_spec": "Families come with releases; others are registered.",
    "/v1/models/recommend": "GET /v1/engines/{type}/{name} says what of a model fits here.",
    "/v1/launch_history": "What was launched comes back by itself: GET /v1/autostart/models.",
    "/v1/model_favorites": _PAGES,
    "/v1/cluster/ui_config": _PAGES,
    "/v1/cluster/monitor_config": "GET /metrics is what monitors read.",
    "/v1/cluster/system_settings": _SETTINGS,
    "/v1/cluster/logs": "GET /v1/models/{uid}/logs is what an engine printed.",
    "/v1/audit/filter-options": "GET /v1/audit/search takes filters as they are.",
    "/v1/token_router": _ROUTER,
    "/v1/tokenizer_assets": _ROUTER,
    "/v1/internal/token-router": _ROUTER,
    "/anthropic/v1/models": "GET /v1/models lists them.",
    "/controlnet/": "There is no engine for images.",
}
"""Beginnings of the peer's paths that are not served, and what there is instead."""

_DECLARE = "Replicas of one model are alike; declare another model for other ones."
REFUSED_REPLICA_KEYS: Mapping[str, tuple[tuple[object, ...], str]] = {
    "replica_config": (_NONE, _DECLARE),
    "model_engine": (_NONE, _DECLARE),
    "n_gpu": ((None, "auto"), _DECLARE),
}
"""The same of the peer's request for more replicas."""


@contextmanager
def unknown_uid_is_bad_request() -> Iterator[None]:
    """Describing or terminating an unknown uid answers 400, not 404 as inference does."""
    try:
        yield
    except NotFound as error:
        raise Invalid(error.message, error.hint, key="model_uid") from error


def elsewhere(path: str) -> str:
    """What there is instead of a path that is not served; empty if nothing is known of it."""
    return next((hint for begin, hint in ELSEWHERE.items() if path.startswith(begin)), "")


def null(resp: falcon.Response) -> None:
    """A reply that says nothing: clients decode it as JSON, so it must be `null` and not empty."""
    resp.content_type = falcon.MEDIA_JSON
    resp.text = "null"
