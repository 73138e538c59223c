"""HTTP in and out of the embedder: the routes of OpenAI for vectors, those of rerank for scores."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Sequence
from typing import Any

import falcon
import gevent
import msgspec

from xinfer.engines.hosts.embedder import metrics
from xinfer.engines.hosts.embedder.model import Embedder, Ranker
from xinfer.engines.hosts.embedder.pool import Pool

_MAX_TEXTS = 4096
_MAX_BYTES = 64 * 1024 * 1024
_LOOK_S = 0.25
_QUICK_CHARACTERS = 20_000
"""What is counted in a few milliseconds, less than the way to a thread and back may take."""


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
        self.model: Embedder | Ranker | None = None

    def loaded(self) -> tuple[Pool, Embedder | Ranker]:
        """Raises HTTPServiceUnavailable while it loads."""
        if self.pool is None or self.model is None:
            raise falcon.HTTPServiceUnavailable(retry_after=1)
        return self.pool, self.model

    def lengths(self, texts: Sequence[Any], key: str) -> list[int]:
        """Tokens of each text as far as the model reads it. Raises Bad for a text that is too long
        where none may be cut.
        """
        _, model = self.loaded()
        if sum(map(_characters, texts)) <= _QUICK_CHARACTERS:
            counts = model.tokens.count(texts)
        else:
            # In a thread, so that others are answered meanwhile.
            counts = gevent.get_hub().threadpool.apply(model.tokens.count, (texts,))
        limit = model.max_length
        if not limit:
            return counts
        for place, count in enumerate(counts):
            if count > limit and not self.truncate:
                what = f"has {count} tokens, and the model reads {limit}"
                raise Bad(f"'{key}[{place}]' {what}.", f"{key}[{place}]")
        return [min(count, limit) for count in counts]


def compute(req: falcon.Request, pool: Pool, texts: Sequence[Any], lengths: list[int]) -> list[Any]:
    """Wait for all results; what still waits is dropped when the client has hung up."""
    request = pool.submit(texts, lengths)
    try:
        for each in request.texts:
            each.result.wait(_LOOK_S)
            while not each.result.ready():
                if _gone(req):
                    raise Bad("The client has gone.", "", 499)
                each.result.wait(_LOOK_S)
        return [each.result.get() for each in request.texts]
    finally:
        pool.leave(request)


class Embeddings:
    """`POST /v1/embeddings`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        state = self._state
        pool, model = state.loaded()
        if not isinstance(model, Embedder):
            raise Bad(f"Model '{state.uid}' reranks; it makes no embeddings.", "model")
        body = read(req)
        if body.get("return_sparse"):
            raise Bad(f"Model '{state.uid}' makes dense vectors only.", "return_sparse")
        texts = self._texts(body.get("input"), model)
        encode = self._encoding(body, model)
        lengths = state.lengths(texts, "input")
        found = compute(req, pool, texts, lengths)
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode(
            {
                "object": "list",
                "model": state.uid,
                "data": [
                    {"object": "embedding", "index": place, "embedding": encode(vector)}
                    for place, vector in enumerate(found)
                ],
                "usage": _usage(lengths),
            }
        )

    def _texts(self, given: Any, model: Embedder) -> list[str]:
        if isinstance(given, str | dict):
            return [_string(given, "input")]
        if not isinstance(given, list):
            raise Bad("'input' must be a text, a list of texts, or token ids.", "input")
        if _are_ids(given):
            return [_decoded(given, "input", model)]
        _check_count(given, "input")
        return [_text(each, f"input[{place}]", model) for place, each in enumerate(given)]

    def _encoding(self, body: dict[str, Any], model: Embedder) -> Any:
        kind = body.get("encoding_format") or "float"
        if kind not in ("float", "base64"):
            raise Bad(f"'encoding_format' is {kind!r}, and not float or base64.", "encoding_format")
        size = body.get("dimensions")
        if size is not None and (type(size) is not int or not 1 <= size <= model.dimensions):
            raise Bad(f"'dimensions' must be 1 to {model.dimensions}.", "dimensions")

        def encode(vector: Any) -> Any:
            if size is not None and size < len(vector):
                vector = vector[:size]
                vector = vector / max(float((vector * vector).sum()) ** 0.5, 1e-12)
            if kind == "base64":
                return base64.b64encode(vector.astype("<f4").tobytes()).decode()
            return vector.tolist()

        return encode


class Rerank:
    """`POST /v1/rerank`. Tokens are told with and without `return_len`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        state = self._state
        pool, model = state.loaded()
        if not isinstance(model, Ranker):
            raise Bad(f"Model '{state.uid}' makes embeddings; it does not rerank.", "model")
        body = read(req)
        query, documents = _string(body.get("query"), "query"), body.get("documents")
        if not isinstance(documents, list):
            raise Bad("'documents' must be a list.", "documents")
        _check_count(documents, "documents")
        texts = [_string(each, f"documents[{place}]") for place, each in enumerate(documents)]
        top = body.get("top_n")
        if top is not None and (type(top) is not int or top < 1):
            raise Bad("'top_n' must be a number of at least 1.", "top_n")
        pairs = [(query, text) for text in texts]
        lengths = state.lengths(pairs, "documents")
        scores = compute(req, pool, pairs, lengths)
        order = sorted(range(len(scores)), key=lambda place: -scores[place])[:top]
        show = bool(body.get("return_documents"))
        resp.media = {
            "id": str(uuid.uuid4()),
            "model": state.uid,
            "results": [
                {
                    "index": place,
                    "relevance_score": scores[place],
                    "document": {"text": texts[place]} if show else None,
                }
                for place in order
            ],
            "meta": {
                "api_version": None,
                "billed_units": None,
                "tokens": {"input_tokens": sum(lengths), "output_tokens": 0},
                "warnings": None,
            },
            "usage": _usage(lengths),
        }


class Tokens:
    """`POST /v1/convert_ids_to_tokens`: one list of ids, or several."""

    def __init__(self, state: State) -> None:
        self._state = state

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        _, model = self._state.loaded()
        given = read(req).get("input")
        is_one = _are_ids(given)
        several: Any = [given] if is_one else given
        if not isinstance(several, list) or not several or not all(map(_are_ids, several)):
            raise Bad("'input' must be a list of token ids, or a list of such lists.", "input")
        try:
            found = [model.tokens.spelled(each) for each in several]
        except ValueError as error:
            raise Bad(f"'input': {error}.", "input") from error
        resp.media = found[0] if is_one else found


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
        resp.content_type = "text/plain; version=0.0.4"
        resp.text = metrics.page(self._state.pool)


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


def _check_count(given: list[Any], key: str) -> None:
    if not given:
        raise Bad(f"'{key}' is empty.", key)
    if len(given) > _MAX_TEXTS:
        raise Bad(f"'{key}' has {len(given)} texts; {_MAX_TEXTS} at once are allowed.", key, 413)


def _are_ids(given: Any) -> bool:
    return isinstance(given, list) and bool(given) and all(type(each) is int for each in given)


def _text(given: Any, key: str, model: Embedder) -> str:
    return _decoded(given, key, model) if _are_ids(given) else _string(given, key)


def _decoded(ids: list[int], key: str, model: Embedder) -> str:
    try:
        return model.tokens.text(ids)
    except ValueError as error:
        raise Bad(f"'{key}': {error}.", key) from error


def _string(given: Any, key: str) -> str:
    if isinstance(given, dict):
        given = given.get("text")
    if not isinstance(given, str):
        raise Bad(f"'{key}' must be a text.", key)
    return given


def _characters(text: Any) -> int:
    return len(text) if isinstance(text, str) else sum(map(len, text))


def _usage(lengths: Sequence[int]) -> dict[str, int]:
    tokens = sum(lengths)
    return {"prompt_tokens": tokens, "total_tokens": tokens}


def _gone(req: falcon.Request) -> bool:
    """Whether the client has hung up, as far as the server lets us see its socket."""
    look = req.env.get("xinfer.gone")
    return bool(callable(look) and look())
