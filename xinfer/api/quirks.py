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


@contextmanager
def unknown_uid_is_bad_request() -> Iterator[None]:
    """Describing or terminating an unknown uid answers 400, not 404 as inference does."""
    try:
        yield
    except NotFound as error:
        raise Invalid(error.message, error.hint, key="model_uid") from error


def null(resp: falcon.Response) -> None:
    """A reply that says nothing: clients decode it as JSON, so it must be `null` and not empty."""
    resp.content_type = falcon.MEDIA_JSON
    resp.text = "null"
