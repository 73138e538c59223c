"""What the echo engine says: bodies and stream events in the OpenAI shapes."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from typing import Any

import msgspec

Events = Iterator[bytes]
_DIMENSIONS = 8


def reply(path: str, asked: dict[str, Any], model: str) -> bytes | Events:
    """The body for one inference route, or its events when a stream was asked for.

    Empty for a route that there is not. Raises KeyError or TypeError for a body that is off.
    """
    if path == "/v1/chat/completions":
        last = asked["messages"][-1]["content"]
        return _generate(asked, _text(last), model, chat=True)
    if path == "/v1/completions":
        return _generate(asked, _text(asked["prompt"]), model, chat=False)
    if path == "/v1/embeddings":
        return _embeddings(asked, model)
    if path == "/v1/rerank":
        return _rerank(asked)
    return b""


def models(model: str) -> bytes:
    """The body of `GET /v1/models`."""
    entry = {"id": model, "object": "model", "created": int(time.time()), "owned_by": "echo"}
    return msgspec.json.encode({"object": "list", "data": [entry]})


def refusal(status: int, message: str = "refused as asked") -> bytes:
    """An error in the OpenAI envelope."""
    error = {"message": message, "type": "echo_error", "code": status}
    return msgspec.json.encode({"error": error})


def _generate(asked: dict[str, Any], text: str, model: str, *, chat: bool) -> bytes | Events:
    words = text.split() or ["..."]
    manner = asked.get("echo") or {}
    count = int(manner.get("chunks") or len(words))
    limit = asked.get("max_tokens") or asked.get("max_completion_tokens")
    tokens = list(itertools.islice(itertools.cycle(words), min(count, limit or count)))
    usage = {
        "prompt_tokens": len(words),
        "completion_tokens": len(tokens),
        "total_tokens": len(words) + len(tokens),
    }
    finish = "length" if len(tokens) < count else "stop"
    base = {
        "id": f"echo-{time.monotonic_ns():x}",
        "object": "chat.completion" if chat else "text_completion",
        "created": int(time.time()),
        "model": model,
    }
    if not asked.get("stream"):
        said = " ".join(tokens)
        part: dict[str, Any] = (
            {"message": {"role": "assistant", "content": said}} if chat else {"text": said}
        )
        choice = {"index": 0, **part, "finish_reason": finish, "logprobs": None}
        return msgspec.json.encode({**base, "choices": [choice], "usage": usage})
    wants_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
    return _events(base, tokens, finish, usage if wants_usage else None, chat=chat)


def _events(
    base: dict[str, Any],
    tokens: list[str],
    finish: str,
    usage: dict[str, int] | None,
    *,
    chat: bool,
) -> Events:
    if chat:
        base = {**base, "object": "chat.completion.chunk"}
        yield _event(base, {"delta": {"role": "assistant", "content": ""}}, None)
    for number, token in enumerate(tokens):
        word = token if number == 0 else f" {token}"
        yield _event(base, {"delta": {"content": word}} if chat else {"text": word}, None)
    yield _event(base, {"delta": {}} if chat else {"text": ""}, finish)
    if usage is not None:
        yield b"data: " + msgspec.json.encode({**base, "choices": [], "usage": usage}) + b"\n\n"
    yield b"data: [DONE]\n\n"


def _event(base: dict[str, Any], part: dict[str, Any], finish: str | None) -> bytes:
    choice = {"index": 0, **part, "finish_reason": finish}
    return b"data: " + msgspec.json.encode({**base, "choices": [choice]}) + b"\n\n"


def _embeddings(asked: dict[str, Any], model: str) -> bytes:
    given = asked["input"]
    texts = [given] if isinstance(given, str) else list(given)
    data = [
        {"index": index, "object": "embedding", "embedding": _vector(str(text))}
        for index, text in enumerate(texts)
    ]
    count = sum(len(str(text).split()) for text in texts)
    usage = {"prompt_tokens": count, "total_tokens": count}
    return msgspec.json.encode({"object": "list", "model": model, "data": data, "usage": usage})


def _rerank(asked: dict[str, Any]) -> bytes:
    """Documents scored by the share of the query's words that they have."""
    words = set(str(asked["query"]).lower().split())
    scored = [
        (len(words & set(str(document).lower().split())) / max(1, len(words)), index)
        for index, document in enumerate(asked["documents"])
    ]
    scored.sort(key=lambda pair: (-pair[0], pair[1]))
    results = [
        {"index": index, "relevance_score": score, "document": None}
        for score, index in scored[: asked.get("top_n") or len(scored)]
    ]
    tokens = {"input_tokens": len(words), "output_tokens": 0}
    return msgspec.json.encode({"id": "echo", "results": results, "meta": {"tokens": tokens}})


def _vector(text: str) -> list[float]:
    """A unit vector that depends on the text alone."""
    counts = [1.0] * _DIMENSIONS
    for place, letter in enumerate(text.encode()):
        counts[(letter + place) % _DIMENSIONS] += 1.0
    length = math.sqrt(sum(value * value for value in counts))
    return [value / length for value in counts]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(str(part.get("text", "")) for part in content)
