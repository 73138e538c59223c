"""How failures look: their statuses, and the two forms of their bodies."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from xinfer.api import errors


class Failure(TypedDict):
    """What happened and to what, then what to do next."""

    detail: str


class InferenceFailureError(TypedDict):
    """OpenAI's form of an error."""

    message: str
    type: NotRequired[str | None]
    param: NotRequired[str | None]
    code: NotRequired[str | int | None]


class InferenceFailure(TypedDict):
    """OpenAI's envelope; `detail` repeats the message for clients of Xinference."""

    error: InferenceFailureError
    detail: NotRequired[str]


MEANINGS = {
    304: "It is what the ETag of If-None-Match names.",
    400: "The request is wrong; the message names the key.",
    401: "No credential, or one that is not valid.",
    403: "A valid credential without the right to this, or a page of another site.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    409: "The name is taken, or something else was changed meanwhile.",
    413: "The body is too large.",
    422: "The engine cannot process the request.",
    429: "A rate, a quota or a queue is full. Retry-After says when to try again.",
    499: "What was waited for was ended on purpose.",
    500: "The server broke; its log has more under the X-Request-ID of the reply.",
    501: "Nothing here can do this.",
    502: "The engine broke while it answered.",
    503: "Too early, no room, a launch that failed, or a state that cannot be read.",
}
"""What each status says. Retry-After comes with those that pass."""


def kind(path: str) -> Any:
    """The type of the body of a failure on this path."""
    return InferenceFailure if errors.has_envelope(path) else Failure
