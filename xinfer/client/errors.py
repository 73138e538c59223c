"""What a call can raise.

ClientError(RuntimeError)   the server refused or failed; carries status, detail and hint
└── Unreachable             no reply: nothing listens there, or the connection broke
"""

from __future__ import annotations

import json
from typing import Any


class ClientError(RuntimeError):
    """A call that did not succeed.

    `status` is the HTTP status (0 when there was no reply), `detail` the server's own words, `hint`
    what to do next (may be empty). `what` names the call: "launch the model".
    """

    def __init__(self, what: str, detail: str, *, status: int = 0, hint: str = "") -> None:
        super().__init__(f"Failed to {what}, detail: {detail}")
        self.what = what
        self.detail = detail
        self.status = status
        self.hint = hint


class Unreachable(ClientError):
    """Nothing answered; `detail` is what the system said about the connection."""


def refusal(what: str, status: int, body: bytes) -> ClientError:
    """The error that a reply with an unexpected status means.

    Understands the management form `{"detail": ...}`, OpenAI's `{"error": {"message": ...}}` and
    plain text.
    """
    text = body.decode("utf-8", "replace").strip()
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    detail, hint = _words(document) if isinstance(document, dict) else ("", "")
    return ClientError(what, detail or text[:500] or f"HTTP {status}", status=status, hint=hint)


def _words(document: dict[str, Any]) -> tuple[str, str]:
    error = document.get("error")
    if isinstance(error, dict):
        return str(error.get("message") or ""), str(error.get("hint") or "")
    detail = document.get("detail") or error or ""
    return (
        detail if isinstance(detail, str) else json.dumps(detail),
        str(document.get("hint") or ""),
    )
