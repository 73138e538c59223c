"""Inference in the forms of OpenAI and Anthropic. Keys of a body beyond these go to the engine."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta

from xinfer.api.openapi.operation import Body, Operation

Uid = Annotated[str, Meta(min_length=1, description="The uid of a model that runs.")]
Texts = Annotated[str | list[Any], Meta(description="A text or several; or tokens, as numbers.")]


class StreamOptions(TypedDict, total=False):
    """`include_usage`: the last event counts the tokens."""

    include_usage: bool | None


class ChatRequest(TypedDict):
    """A conversation so far."""

    model: Uid
    messages: Annotated[list[dict[str, Any]], Meta(min_length=1)]
    stream: NotRequired[bool | None]
    stream_options: NotRequired[StreamOptions | None]
    max_tokens: NotRequired[Annotated[int, Meta(ge=1)] | None]
    temperature: NotRequired[float | None]
    tools: NotRequired[list[dict[str, Any]] | None]
    request_id: NotRequired[str | None]


class CompletionRequest(TypedDict):
    """A text to go on with."""

    model: Uid
    prompt: Texts
    stream: NotRequired[bool | None]
    stream_options: NotRequired[StreamOptions | None]
    max_tokens: NotRequired[Annotated[int, Meta(ge=1)] | None]
    temperature: NotRequired[float | None]
    request_id: NotRequired[str | None]


class EmbeddingRequest(TypedDict):
    """What is to be embedded; an object has a `text`."""

    model: Uid
    input: Texts | dict[str, Any]


class RerankRequest(TypedDict):
    """What is to be put in order, and by what."""

    model: Uid
    query: str | dict[str, Any]
    documents: list[Any]
    top_n: NotRequired[Annotated[int, Meta(ge=1)] | None]
    return_documents: NotRequired[bool | None]


class ResponsesRequest(TypedDict):
    """What is to be answered; nothing is kept from one request to the next."""

    model: Uid
    input: Annotated[str | list[Any], Meta(description="A text, or items of a conversation.")]
    stream: NotRequired[bool | None]
    max_output_tokens: NotRequired[Annotated[int, Meta(ge=1)] | None]


class CountRequest(TypedDict):
    """A conversation in Anthropic's form; `system` stands beside it."""

    model: Uid
    messages: Annotated[list[dict[str, Any]], Meta(min_length=1)]
    system: NotRequired[str | list[Any] | None]


class MessagesRequest(CountRequest):
    """The same, to be answered."""

    max_tokens: NotRequired[Annotated[int, Meta(ge=1)] | None]
    stream: NotRequired[bool | None]


class TokenIds(TypedDict):
    """One list of ids, or several."""

    model: Uid
    input: list[int | list[int]]


class CompletionUsage(TypedDict):
    """Counts of tokens."""

    prompt_tokens: int
    total_tokens: int
    completion_tokens: NotRequired[int]


class Completion(TypedDict):
    """An answer; the choices of a chat have a `message`, others a `text`."""

    id: str
    object: str
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: NotRequired[CompletionUsage | None]


class Embedding(TypedDict):
    """`embedding` is a list of numbers, or base64 where that was asked for."""

    index: int
    object: str
    embedding: list[float] | str


class Embeddings(TypedDict):
    """In the order of the inputs; `model_replica` is the one that made them."""

    object: str
    model: str
    model_replica: str
    data: list[Embedding]
    usage: NotRequired[CompletionUsage | None]


class RankedDocument(TypedDict):
    """`index` is the place in the request; `document` is None unless it was asked for."""

    index: int
    relevance_score: float
    document: NotRequired[dict[str, Any] | None]


class Ranking(TypedDict):
    """The best first."""

    results: list[RankedDocument]
    meta: NotRequired[dict[str, Any]]


class ResponseReply(TypedDict):
    """OpenAI's `response`."""

    id: str
    output: list[dict[str, Any]]


class MessageReply(TypedDict):
    """Anthropic's `message`."""

    id: str
    role: str
    content: list[dict[str, Any]]


class TokenCount(TypedDict):
    """Of the whole conversation."""

    input_tokens: int


_ERRORS = (404, 408, 422, 429, 499, 501, 502)
_STREAM = {"text/event-stream": "Events of `data: {json}`, the last is `data: [DONE]`."}
_NAMED_STREAM = {"text/event-stream": "Events of `event: name` and `data: {json}`."}
_HELLO = {"model": "chat", "messages": [{"role": "user", "content": "Say hello."}]}


def _inference(
    path: str, summary: str, body: Body, reply: Any, content: dict[str, str]
) -> Operation:
    return Operation(
        method="POST",
        path=path,
        summary=summary,
        doc="The body goes to the engine, and its answer comes back as it is. Statuses of 400 and "
        "above may be the engine's own.",
        body=body,
        reply=reply,
        content=content,
        errors=_ERRORS,
    )


OPERATIONS = (
    _inference(
        "/v1/chat/completions",
        "Answer a conversation",
        Body(
            kind=ChatRequest,
            example=_HELLO,
        ),
        Completion,
        _STREAM,
    ),
    _inference(
        "/v1/completions",
        "Go on with a text",
        Body(kind=CompletionRequest, example={"model": "chat", "prompt": "Once upon a time"}),
        Completion,
        _STREAM,
    ),
    _inference(
        "/v1/embeddings",
        "Embed texts",
        Body(kind=EmbeddingRequest, example={"model": "chat", "input": ["one", "two"]}),
        Embeddings,
        {},
    ),
    _inference(
        "/v1/rerank",
        "Put documents in the order of a query",
        Body(
            kind=RerankRequest,
            example={"model": "chat", "query": "a cat", "documents": ["a dog", "a cat"]},
        ),
        Ranking,
        {},
    ),
    _inference(
        "/v1/responses",
        "Answer in OpenAI's newer form",
        Body(kind=ResponsesRequest, example={"model": "chat", "input": "Say hello."}),
        ResponseReply,
        _NAMED_STREAM,
    ),
    _inference(
        "/v1/convert_ids_to_tokens",
        "Spell tokens",
        Body(kind=TokenIds, example={"model": "chat", "input": [101, 2023]}),
        list[str | list[str]],
        {},
    ),
    *(
        _inference(
            f"{place}/v1/messages",
            "Answer in Anthropic's form",
            Body(kind=MessagesRequest, example={**_HELLO, "max_tokens": 64}),
            MessageReply,
            _NAMED_STREAM,
        )
        for place in ("", "/anthropic")
    ),
    *(
        _inference(
            f"{place}/v1/messages/count_tokens",
            "Count the tokens of a conversation",
            Body(kind=CountRequest, example=_HELLO),
            TokenCount,
            {},
        )
        for place in ("", "/anthropic")
    ),
)
