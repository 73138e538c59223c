"""What a client gets to see of an engine's whole reply: refusals in its own envelope, rankings with
every key that clients of Xinference read.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from xinfer.errors import XinferError
from xinfer.gateway.dialects import EMBEDDINGS, MESSAGES, RERANK

_BARE = frozenset({"", "not found", "file not found", "404 not found", "method not allowed"})
"""What servers say of a path that they do not have, in lower case."""

_DETAIL_CHARACTERS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reply answers."""

    path: str
    engine: str
    request_id: str
    replica_id: str
    fields: Mapping[str, msgspec.Raw]

    @property
    def by_anthropic(self) -> bool:
        """Whether it came from a client of Anthropic's."""
        return self.path.startswith(MESSAGES)


def shown(asked: Asked, status: int, body: bytes) -> tuple[int, bytes]:
    """Status and body as the client gets them."""
    if status >= 400:
        return _refusal(asked, status, body)
    if asked.path == RERANK:
        return status, _ranking(asked.fields, body)
    if asked.path == EMBEDDINGS and body.startswith(b"{"):
        # Clients of Xinference read who answered.
        who = msgspec.json.encode(asked.replica_id)
        return status, b'{"model_replica":' + who + b"," + body[1:].lstrip()
    return status, body


def error_event(asked: Asked, error: XinferError, kind: str, code: str) -> bytes:
    """An error within a stream, the last that its client hears."""
    said = {"message": str(error), "type": kind, "param": None, "code": code}
    if asked.by_anthropic:
        event = {"type": "error", "error": said, "request_id": asked.request_id}
        return b"event: error\ndata: " + msgspec.json.encode(event) + b"\n\n"
    return b"data: " + msgspec.json.encode({"error": said}) + b"\n\n"


def _refusal(asked: Asked, status: int, body: bytes) -> tuple[int, bytes]:
    """`detail` beside the envelope is for clients of Xinference."""
    error = _error(status, body)
    if status in (404, 405) and str(error["message"]).strip().lower() in _BARE:
        status = 501
        text = f"Engine '{asked.engine}' does not serve {asked.path}."
        error = {"message": text, "type": "unsupported_error", "param": None, "code": None}
    said: dict[str, Any] = {"detail": str(error.get("message", "")), "error": error}
    if asked.by_anthropic:
        said |= {"type": "error", "request_id": asked.request_id}
    return status, msgspec.json.encode(said)


def _error(status: int, body: bytes) -> dict[str, Any]:
    """An engine's refusal in the form of OpenAI, as it was if it is in it already."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = body[:_DETAIL_CHARACTERS].decode(errors="replace")
    if isinstance(said, dict) and isinstance(said.get("error"), dict):
        return {"message": "", **said["error"]}
    if isinstance(said, dict):
        said = said.get("error") or said.get("detail") or said.get("message") or said
    kind = "invalid_request_error" if status < 500 else "engine_error"
    return {"message": str(said), "type": kind, "param": None, "code": None}


def _ranking(fields: Mapping[str, msgspec.Raw], body: bytes) -> bytes:
    """Untouched where the engine says all of it, or something else altogether."""
    try:
        said = msgspec.json.decode(body)
        if "meta" in said:
            return body
        documents = msgspec.json.decode(fields["documents"])
        shows = msgspec.json.decode(fields.get("return_documents", msgspec.Raw(b"null")))
        results = [_ranked(each, documents if shows else None) for each in said["results"]]
    except (msgspec.DecodeError, UnicodeDecodeError, LookupError, TypeError):
        return body
    usage = said.get("usage") or {}
    tokens = usage.get("prompt_tokens") or usage.get("total_tokens")
    meta = {
        "api_version": None,
        "billed_units": None,
        "tokens": None if tokens is None else {"input_tokens": tokens, "output_tokens": 0},
        "warnings": None,
    }
    return msgspec.json.encode({"id": str(uuid.uuid4()), **said, "results": results, "meta": meta})


def _ranked(one: dict[str, Any], documents: list[Any] | None) -> dict[str, Any]:
    document = None
    if documents is not None:
        given = documents[one["index"]]
        document = {"text": given} if isinstance(given, str) else given
    return {**one, "relevance_score": one["relevance_score"], "document": document}
