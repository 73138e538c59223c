"""Calls that make a model work: text in, text or numbers out. Run by a model's handle.

Each may raise ClientError 404 for a uid that is not known, 429 when the model or the caller has too
much to do, 503 while no replica serves, and what the engine itself refuses or fails with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xinfer.client.call import Call, Json, StreamCall, given, same, server_event

if TYPE_CHECKING:
    from xinfer.client.results.text import (
        ChatChunk,
        ChatCompletion,
        Completion,
        CompletionChunk,
        Embeddings,
        Ranking,
    )


def chat(
    model_uid: str,
    /,
    messages: Sequence[Mapping[str, Json]],
    tools: Sequence[Mapping[str, Json]] | None = None,
    enable_thinking: bool | None = None,
    generate_config: Mapping[str, Json] | None = None,
) -> Call[ChatCompletion] | StreamCall[ChatChunk]:
    """Answer a conversation: `choices` of a `message` each, and the `usage` in tokens.

    `generate_config` holds fields of the request: those of the OpenAI API, and Xinference's own,
    such as `guided_json` or `repetition_penalty`. With `stream` true among them the result is an
    iterator of chunks, whose `choices` have the `delta` to the one before; close it to stop the
    model early. It raises ClientError for an error that comes after the first chunk. Raises
    ClientError 400 with the field that the engine cannot keep to.
    """
    body = given(tools=tools, enable_thinking=enable_thinking) | dict(generate_config or {})
    body |= {"model": model_uid, "messages": list(messages)}
    return _completion("generate chat completion", "/v1/chat/completions", body)


def generate(
    model_uid: str, /, prompt: str, generate_config: Mapping[str, Json] | None = None
) -> Call[Completion] | StreamCall[CompletionChunk]:
    """Continue a text: `choices` of a `text` each, or an iterator of chunks with more of these.

    See `chat` for `generate_config` and for what is raised.
    """
    body = dict(generate_config or {}) | {"model": model_uid, "prompt": prompt}
    return _completion("generate completion", "/v1/completions", body)


def create_embedding(model_uid: str, /, input: Json, **kwargs: Json) -> Call[Embeddings]:
    """Embed a text or a list of texts: `data` has one `embedding` per input, in order.

    `kwargs` are further fields of the request, such as `dimensions`. Raises ClientError 400 for
    those that the engine would not heed.
    """
    return Call(
        what="create the embeddings",
        method="POST",
        path="/v1/embeddings",
        body=kwargs | {"model": model_uid, "input": input},
        decode=same,
        silence_s=None,
    )


def convert_ids_to_tokens(
    model_uid: str, /, input: Json, **kwargs: Json
) -> Call[list[str] | list[list[str]]]:
    """Token ids as the vocabulary spells them: a list of texts, or one list for each of `input`.

    Raises ClientError 400 for an id that there is not, 501 where the engine cannot tell: only
    sentence-transformers can.
    """
    return Call(
        what="convert the ids",
        method="POST",
        path="/v1/convert_ids_to_tokens",
        body=kwargs | {"model": model_uid, "input": input},
        decode=same,
    )


def rerank(
    model_uid: str,
    /,
    documents: Sequence[str | Mapping[str, Json]],
    query: str | Mapping[str, Json],
    top_n: int | None = None,
    max_chunks_per_doc: int | None = None,
    return_documents: bool | None = None,
    return_len: bool | None = None,
    **kwargs: Json,
) -> Call[Ranking]:
    """Order documents by relevance to a query, the best first.

    `results` have `index` (the place in `documents`), `relevance_score` (higher is better, by the
    model's own scale) and `document`, which is None unless `return_documents`; `meta` has `tokens`.
    """
    body = given(
        top_n=top_n,
        max_chunks_per_doc=max_chunks_per_doc,
        return_documents=return_documents,
        return_len=return_len,
    )
    return Call(
        what="rerank documents",
        method="POST",
        path="/v1/rerank",
        body=kwargs | body | {"model": model_uid, "documents": list(documents), "query": query},
        decode=same,
        silence_s=None,
    )


def _completion(what: str, to: str, body: Mapping[str, Json]) -> Call[Json] | StreamCall[Json]:
    if body.get("stream"):
        decode = server_event(what)
        return StreamCall(
            what=what, method="POST", path=to, body=body, decode=decode, silence_s=None
        )
    return Call(what=what, method="POST", path=to, body=body, decode=same, silence_s=None)
