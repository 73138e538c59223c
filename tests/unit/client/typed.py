"""What a type checker makes of the client: read by mypy, never run."""

from __future__ import annotations

from typing import Any, assert_type

from xinfer.client import (
    AsyncRESTfulChatModelHandle,
    AsyncRESTfulClient,
    AsyncStream,
    RESTfulAudioModelHandle,
    RESTfulChatModelHandle,
    RESTfulClient,
    RESTfulEmbeddingModelHandle,
    RESTfulRerankModelHandle,
    Stream,
)
from xinfer.client.results.access import NewApiKey, UsageLine
from xinfer.client.results.catalog import EngineOffer, Family
from xinfer.client.results.cluster import ClusterNode
from xinfer.client.results.declared import DesiredModel, RecipeChanges
from xinfer.client.results.files import Download
from xinfer.client.results.models import LaunchProgress, ModelDescription
from xinfer.client.results.replicas import AddedReplicas, ReplicaDescription
from xinfer.client.results.text import (
    ChatChunk,
    ChatCompletion,
    Completion,
    CompletionChunk,
)

HELLO = [{"role": "user", "content": "Hello"}]


def cluster(client: RESTfulClient) -> None:
    assert_type(client.list_models(), dict[str, ModelDescription])
    assert_type(client.list_models()["uid"]["model_type"], str)
    assert_type(client.launch_model("qwen", n_gpu=None), str)
    assert_type(client.get_launch_model_progress("uid"), LaunchProgress)
    assert_type(client.list_replicas("uid"), list[ReplicaDescription])
    assert_type(client.add_model_replica("uid"), AddedReplicas)
    assert_type(client.terminate_model("uid"), None)
    assert_type(client.get_logs("uid", follow=True), Stream[str])
    assert_type(client.get_model_registration("LLM", "qwen"), Family)
    offers = client.query_engine_by_model_name("qwen")
    assert_type(offers, dict[str, list[EngineOffer] | str] | None)
    assert_type(client.get_cluster_info(detailed=True), list[ClusterNode])
    assert_type(client.cache_model("qwen"), Download)
    assert_type(client.create_key("ci")["key"], str)
    assert_type(client.create_key("ci"), NewApiKey)
    assert_type(client.get_usage(), list[UsageLine])
    read = client.get_recipe()
    assert_type(read["models"], list[DesiredModel])
    assert_type(client.put_recipe(read["recipe"], read["models"]), RecipeChanges)
    client.list_models()["uid"]["model_typ"]  # type: ignore
    client.terminate_model(7)  # type: ignore[arg-type]


def text(client: RESTfulClient, config: dict[str, Any]) -> None:
    handle: RESTfulChatModelHandle = client.get_model("uid")
    assert_type(handle.chat(HELLO), ChatCompletion)
    assert_type(handle.chat(HELLO)["choices"][0]["message"]["content"], str | None)
    assert_type(handle.chat(HELLO, generate_config={"max_tokens": 8}), ChatCompletion)
    streamed = handle.chat(HELLO, generate_config={"stream": True, "max_tokens": 8})
    assert_type(streamed, Stream[ChatChunk])
    with streamed as chunks:
        for chunk in chunks:
            assert_type(chunk, ChatChunk)
            chunk["choices"][0]["message"]  # type: ignore
    either = handle.chat(HELLO, generate_config=config)
    assert_type(either, ChatCompletion | Stream[ChatChunk])
    assert_type(handle.generate("Once", {"temperature": 0}), Completion)
    assert_type(handle.generate("Once", {"stream": True}), Stream[CompletionChunk])
    handle.chat()  # type: ignore[call-overload]


def numbers(words: RESTfulEmbeddingModelHandle, judge: RESTfulRerankModelHandle) -> None:
    assert_type(words.create_embedding("Hello")["data"][0]["embedding"], list[float])
    best = judge.rerank(["a", "b"], "c", top_n=1)["results"][0]
    assert_type(best["relevance_score"], float)


def sound(voice: RESTfulAudioModelHandle) -> None:
    assert_type(voice.speech("Hello"), bytes)
    assert_type(voice.speech("Hello", stream=True), Stream[bytes])
    assert_type(voice.transcriptions(b"RIFF")["text"], str)


async def awaited(client: AsyncRESTfulClient, config: dict[str, Any]) -> None:
    assert_type(await client.list_models(), dict[str, ModelDescription])
    assert_type(await client.get_logs("uid"), AsyncStream[str])
    handle: AsyncRESTfulChatModelHandle = await client.get_model("uid")
    assert_type(await handle.chat(HELLO), ChatCompletion)
    async for chunk in await handle.chat(HELLO, generate_config={"stream": True}):
        assert_type(chunk, ChatChunk)
    assert_type(await handle.generate("Once", {"stream": True}), AsyncStream[CompletionChunk])
    either = await handle.chat(HELLO, generate_config=config)
    assert_type(either, ChatCompletion | AsyncStream[ChatChunk])
