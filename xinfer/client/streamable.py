"""Calls that are answered as a whole or in pieces: how to ask for either, for type checkers.

`Whole` and `Pieces` are what the method of an executor returns: an answer and a stream of chunks,
or coroutines of these. What is not known before the call is either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Literal, Protocol, Required, TypedDict, TypeVar, overload

from xinfer.client.call import Json

Whole = TypeVar("Whole", covariant=True)
Pieces = TypeVar("Pieces", covariant=True)

Blob = bytes | str | PathLike[str]
"""A file: its bytes, or a path."""

Objects = Sequence[Mapping[str, Json]]


class GenerateConfig(TypedDict, total=False):
    """Fields of a request that engines of text heed, most of them; others may be given as well."""

    max_tokens: int | None
    max_completion_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    min_p: float | None
    n: int | None
    seed: int | None
    stop: str | Sequence[str] | None
    presence_penalty: float | None
    frequency_penalty: float | None
    repetition_penalty: float | None
    repeat_penalty: float | None
    logit_bias: Mapping[str, float] | None
    logprobs: bool | int | None
    top_logprobs: int | None
    response_format: Mapping[str, Json] | None
    guided_json: Json
    guided_regex: str | None
    guided_choice: Sequence[str] | None
    guided_grammar: str | None
    tool_choice: Json
    parallel_tool_calls: bool | None
    chat_template_kwargs: Mapping[str, Json] | None
    reasoning_effort: str | None
    stream_options: Mapping[str, Json] | None
    request_id: str | None
    lora_name: str | None
    user: str | None


class WholeConfig(GenerateConfig, total=False):
    """One that asks for the answer as a whole."""

    stream: Literal[False] | None


class StreamConfig(GenerateConfig, total=False):
    """One that asks for the answer in pieces."""

    stream: Required[Literal[True]]


class Chatting(Protocol[Whole, Pieces]):
    """`chat` of a handle."""

    @overload
    def __call__(
        self,
        messages: Objects,
        tools: Objects | None = None,
        enable_thinking: bool | None = None,
        generate_config: WholeConfig | None = None,
    ) -> Whole: ...
    @overload
    def __call__(
        self,
        messages: Objects,
        tools: Objects | None = None,
        enable_thinking: bool | None = None,
        *,
        generate_config: StreamConfig,
    ) -> Pieces: ...
    @overload
    def __call__(
        self,
        messages: Objects,
        tools: Objects | None = None,
        enable_thinking: bool | None = None,
        generate_config: Mapping[str, Json] | None = None,
    ) -> Whole | Pieces: ...


class Generating(Protocol[Whole, Pieces]):
    """`generate` of a handle."""

    @overload
    def __call__(self, prompt: str, generate_config: WholeConfig | None = None) -> Whole: ...
    @overload
    def __call__(self, prompt: str, generate_config: StreamConfig) -> Pieces: ...
    @overload
    def __call__(
        self, prompt: str, generate_config: Mapping[str, Json] | None = None
    ) -> Whole | Pieces: ...


class Speaking(Protocol[Whole, Pieces]):
    """`speech` of a handle."""

    @overload
    def __call__(
        self,
        input: str,
        voice: str = "",
        response_format: str = "mp3",
        speed: float = 1.0,
        stream: Literal[False] = False,
        prompt_speech: Blob | None = None,
        prompt_latent: Blob | None = None,
        **kwargs: Json,
    ) -> Whole: ...
    @overload
    def __call__(
        self,
        input: str,
        voice: str = "",
        response_format: str = "mp3",
        speed: float = 1.0,
        *,
        stream: Literal[True],
        prompt_speech: Blob | None = None,
        prompt_latent: Blob | None = None,
        **kwargs: Json,
    ) -> Pieces: ...
    @overload
    def __call__(
        self,
        input: str,
        voice: str = "",
        response_format: str = "mp3",
        speed: float = 1.0,
        stream: bool = False,
        prompt_speech: Blob | None = None,
        prompt_latent: Blob | None = None,
        **kwargs: Json,
    ) -> Whole | Pieces: ...
