"""What models of text answer: conversations, continuations, embeddings, rankings.

The engine writes these, in OpenAI's form; it may add keys of its own.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class TokenDetails(TypedDict, total=False):
    """Of the tokens of a prompt, those that were computed before."""

    cached_tokens: int | None


class TokenUsage(TypedDict):
    """Counts of tokens; embeddings and rankings complete nothing."""

    prompt_tokens: int
    total_tokens: int
    completion_tokens: NotRequired[int]
    prompt_tokens_details: NotRequired[TokenDetails | None]


class LikelyToken(TypedDict):
    """A token with the natural logarithm of its probability; `bytes` is its UTF-8."""

    token: str
    logprob: float
    bytes: NotRequired[list[int] | None]


class ChosenToken(LikelyToken):
    """One of the reply, and those that were nearly chosen."""

    top_logprobs: NotRequired[list[LikelyToken]]


class ChatLogprobs(TypedDict):
    """Token by token, where `logprobs` was asked for."""

    content: list[ChosenToken] | None


class CalledFunction(TypedDict):
    """`arguments` is JSON as text, as the model wrote it."""

    name: str
    arguments: str


class ToolCall(TypedDict):
    """What the model wants to have called; `id` goes back with the outcome."""

    id: str
    type: str
    function: CalledFunction


class FunctionPart(TypedDict, total=False):
    """More of a name or of arguments."""

    name: str | None
    arguments: str | None


class ToolCallPart(TypedDict):
    """A piece of the call at `index`; the first piece has `id` and name."""

    index: int
    id: NotRequired[str | None]
    type: NotRequired[str | None]
    function: NotRequired[FunctionPart | None]


class ChatMessage(TypedDict):
    """`content` is None beside `tool_calls`; `reasoning_content` is what was thought before it."""

    role: str
    content: str | None
    reasoning_content: NotRequired[str | None]
    refusal: NotRequired[str | None]
    tool_calls: NotRequired[list[ToolCall] | None]


class ChatChoice(TypedDict):
    """One answer. `finish_reason`: stop, length (`max_tokens`), tool_calls or content_filter."""

    index: int
    message: ChatMessage
    finish_reason: str | None
    logprobs: NotRequired[ChatLogprobs | None]


class ChatCompletion(TypedDict):
    """A whole answer; `created` is in unix seconds, `model` the uid."""

    id: str
    object: str
    created: int
    model: str
    choices: list[ChatChoice]
    usage: NotRequired[TokenUsage | None]


class ChatDelta(TypedDict, total=False):
    """What is new since the last chunk; any key may be absent."""

    role: str | None
    content: str | None
    reasoning_content: str | None
    refusal: str | None
    tool_calls: list[ToolCallPart] | None


class ChatChunkChoice(TypedDict):
    """A piece of one answer; `finish_reason` is None until its last."""

    index: int
    delta: ChatDelta
    finish_reason: NotRequired[str | None]
    logprobs: NotRequired[ChatLogprobs | None]


class ChatChunk(TypedDict):
    """A piece of the answers.

    With `stream_options` of `include_usage` the last one has no choices, and `usage`.
    """

    id: str
    object: str
    created: int
    model: str
    choices: list[ChatChunkChoice]
    usage: NotRequired[TokenUsage | None]


class TextLogprobs(TypedDict, total=False):
    """Lists of one length, an entry for each token; engines fill what they know."""

    tokens: list[str] | None
    token_logprobs: list[float | None] | None
    top_logprobs: list[dict[str, float] | None] | None
    text_offset: list[int] | None
    content: list[ChosenToken] | None


class CompletionChoice(TypedDict):
    """One continuation, or in a chunk a piece of it. `finish_reason` as of a chat."""

    index: int
    text: str
    finish_reason: NotRequired[str | None]
    logprobs: NotRequired[TextLogprobs | None]


class Completion(TypedDict):
    """A text continued; `created` is in unix seconds, `model` the uid."""

    id: str
    object: str
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: NotRequired[TokenUsage | None]


class CompletionChunk(Completion):
    """A piece of the same; with `include_usage` the last has no choices."""


class Embedding(TypedDict):
    """`index` is the place of the input; base64 where `encoding_format` asked for it."""

    index: int
    object: str
    embedding: list[float]


class Embeddings(TypedDict):
    """In the order of the inputs; `model_replica` is the one that made them."""

    object: str
    model: str
    model_replica: str
    data: list[Embedding]
    usage: TokenUsage


class RankedText(TypedDict):
    """The document itself; one that was given as an object is as it was given."""

    text: NotRequired[str]


class RankedDocument(TypedDict):
    """`index` is the place in the request; a higher `relevance_score` is better."""

    index: int
    relevance_score: float
    document: NotRequired[RankedText | None]


class RankingTokens(TypedDict):
    """What was read; nothing is written."""

    input_tokens: int
    output_tokens: int


class RankingMeta(TypedDict):
    """In Cohere's form; all but `tokens` is None."""

    tokens: NotRequired[RankingTokens | None]
    api_version: NotRequired[dict[str, Any] | None]
    billed_units: NotRequired[dict[str, Any] | None]
    warnings: NotRequired[list[str] | None]


class RankingUsage(TypedDict):
    """Counts of tokens, as far as the engine says them."""

    prompt_tokens: NotRequired[int]
    total_tokens: NotRequired[int]


class Ranking(TypedDict):
    """The best document first."""

    id: str
    results: list[RankedDocument]
    meta: RankingMeta
    model: NotRequired[str]
    usage: NotRequired[RankingUsage | None]
