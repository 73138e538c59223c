"""HTTP in and out of the embedder: the routes of OpenAI for vectors, those of rerank for scores."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Sequence
from typing import Any

import falcon
import msgspec

from xinfer.engines.hosts.embedder.model import Computed, Embedder
from xinfer.engines.hosts.embedder.pool import Pool, Waiting

_MAX_TEXTS = 4096
_MAX_BYTES = 64 * 1024 * 1024
_LOOK_S = 0.25


class Bad(Exception):
    """The request is wrong; `key` is the field at fault."""

    def __init__(self, message: str, key: str, status: int = 400) -> None:
        super().__init__(message)
        self.key = key
        self.status = status


class State:
    """What the resources share: nothing of it is there until the model is loaded."""

    def __init__(self, uid: str, *, truncate: bool) -> None:
        self.uid = uid
        self.truncate = truncate
        self.pool: Pool | None = None
        self.embedder: Embedder | None = None


def compute(req: falcon.Request, pool: Pool, texts: Sequence[tuple[Any, int]]) -> list[Computed]:
    """Wait for all results; what still waits is dropped when the client has hung up."""
    waiting = pool.submit(texts)
    gone = _gone(req)
    try:
        for each in waiting:
            while not each.result.wait(_LOOK_S) and not each.result.ready():
                if gone():
                    raise Bad("The client has gone.", "", 499)
        return [each.result.get() for each in waiting]
    except Bad:
        _drop(waiting)
        raise


class Embeddings:
    """`POST /v1/embeddings`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        state = self._state
        if state.pool is None or state.embedder is None:
            raise falcon.HTTPServiceUnavailable(retry_after=1)
        body = read(req)
        texts = self._texts(body, state.embedder)
        if not state.truncate:
            self._check_lengths(texts, state.embedder)
        encode = self._encoding(body, state.embedder)
        found = compute(req, state.pool, [(text, len(text)) for text in texts])
        tokens = sum(each.tokens for each in found)
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode(
            {
                "object": "list",
                "model": state.uid,
                "data": [
                    {"object": "embedding", "index": place, "embedding": encode(each.value)}
                    for place, each in enumerate(found)
                ],
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            }
        )

    def _texts(self, body: dict[str, Any], embedder: Embedder) -> list[str]:
        given = body.get("input")
        if isinstance(given, str):
            return _checked([given])
        if isinstance(given, list) and given and all(type(each) is int for each in given):
            return _checked([embedder.text(given)])
        if not isinstance(given, list):
            raise Bad("'input' must be a text, a list of texts, or token ids.", "input")
        return _checked([_text(each, place, embedder) for place, each in enumerate(given)])

    def _check_lengths(self, texts: Sequence[str], embedder: Embedder) -> None:
        for place, text in enumerate(texts):
            length = embedder.full_length(text)
            if embedder.max_length and length > embedder.max_length:
                what = f"it has {length} tokens, and the model reads {embedder.max_length}"
                raise Bad(f"'input' {place} is too long: {what}.", "input")

    def _encoding(self, body: dict[str, Any], embedder: Embedder) -> Any:
        kind = body.get("encoding_format") or "float"
        if kind not in {"float", "base64"}:
            raise Bad(f"'encoding_format' is {kind!r}, and not float or base64.", "encoding_format")
        size = body.get("dimensions")
        if size is not None and (type(size) is not int or not 1 <= size <= embedder.dimensions):
            raise Bad(f"'dimensions' must be 1 to {embedder.dimensions}.", "dimensions")

        def encode(vector: Any) -> Any:
            if size is not None and size < len(vector):
                vector = vector[:size]
                vector = vector / max(float((vector * vector).sum()) ** 0.5, 1e-12)
            if kind == "base64":
                return base64.b64encode(vector.astype("<f4").tobytes()).decode()
            return vector.tolist()

        return encode


class Rerank:
    """`POST /v1/rerank`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        state = self._state
        if state.pool is None:
            raise falcon.HTTPServiceUnavailable(retry_after=1)
        body = read(req)
        query, documents = _string(body.get("query"), "query"), body.get("documents")
        if not isinstance(documents, list) or not documents:
            raise Bad("'documents' must be a list with a document in it.", "documents")
        texts = _checked([_document(each, place) for place, each in enumerate(documents)])
        top = body.get("top_n")
        if top is not None and (type(top) is not int or top < 1):
            raise Bad("'top_n' must be a number of at least 1.", "top_n")
        pairs = [((query, text), len(query) + len(text)) for text in texts]
        found = compute(req, state.pool, pairs)
        tokens = sum(each.tokens for each in found)
        order = sorted(range(len(found)), key=lambda place: -found[place].value)[:top]
        show = bool(body.get("return_documents"))
        resp.media = {
            "id": str(uuid.uuid4()),
            "model": state.uid,
            "results": [
                {
                    "index": place,
                    "relevance_score": found[place].value,
                    "document": {"text": texts[place]} if show else None,
                }
                for place in order
            ],
            "meta": {
                "api_version": None,
                "billed_units": None,
                "tokens": {"input_tokens": tokens, "output_tokens": 0},
                "warnings": None,
            },
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }


class Health:
    """`GET /health`: 503 until the model is there."""

    def __init__(self, state: State) -> None:
        self._state = state

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        ready = self._state.pool is not None
        resp.status = 200 if ready else 503
        resp.media = {"status": "ok" if ready else "loading"}


class Models:
    """`GET /v1/models`."""

    def __init__(self, state: State) -> None:
        self._entry = {"id": state.uid, "object": "model", "created": int(time.time())}

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"object": "list", "data": [self._entry]}


class Metrics:
    """`GET /metrics`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        pool = self._state.pool
        numbers = {
            "embedder_texts_running": pool.running if pool else 0,
            "embedder_texts_waiting": pool.waiting if pool else 0,
            "embedder_batches_total": pool.batches if pool else 0,
            "embedder_texts_total": pool.texts if pool else 0,
            "embedder_busy_seconds_total": pool.busy_s if pool else 0,
        }
        resp.content_type = "text/plain; version=0.0.4"
        resp.text = "".join(f"{name} {value}\n" for name, value in numbers.items())


def read(req: falcon.Request) -> dict[str, Any]:
    """The body as an object. Raises Bad."""
    raw = req.bounded_stream.read(_MAX_BYTES + 1)
    if len(raw) > _MAX_BYTES:
        raise Bad(f"The body is larger than {_MAX_BYTES} bytes.", "body", 413)
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Bad(f"The body is not JSON: {error}.", "body") from error
    if not isinstance(found, dict):
        raise Bad("The body must be an object.", "body")
    return found


def refuse(resp: falcon.Response, status: int, message: str, key: str | None) -> None:
    """An error in the envelope of OpenAI."""
    kind = "invalid_request_error" if status < 500 else "engine_error"
    resp.status = status
    resp.media = {"error": {"message": message, "type": kind, "param": key, "code": None}}


def _checked(texts: list[str]) -> list[str]:
    if len(texts) > _MAX_TEXTS:
        raise Bad(f"{len(texts)} texts are more than {_MAX_TEXTS} at once.", "input", 413)
    if not texts:
        raise Bad("There is no text.", "input")
    return texts


def _text(given: Any, place: int, embedder: Embedder) -> str:
    if isinstance(given, list) and given and all(type(each) is int for each in given):
        return embedder.text(given)
    return _string(given, f"input[{place}]")


def _document(given: Any, place: int) -> str:
    if isinstance(given, dict):
        given = given.get("text")
    return _string(given, f"documents[{place}]")


def _string(given: Any, key: str) -> str:
    if isinstance(given, dict):
        given = given.get("text")
    if not isinstance(given, str):
        raise Bad(f"'{key}' must be a text.", key)
    return given


def _drop(waiting: Sequence[Waiting]) -> None:
    for each in waiting:
        each.gone = True


def _gone(req: falcon.Request) -> Any:
    """Whether the client has hung up, as far as the server lets us see its socket."""
    look = req.env.get("xinfer.gone")
    return look if callable(look) else lambda: False
