"""Models of a server as objects: what each kind of them can be asked, awaited."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from xinfer.client import inference, media
from xinfer.client.async_ import AsyncRESTfulModelHandle, AsyncStream, either, of_handle
from xinfer.client.handles import HandleKind

if TYPE_CHECKING:
    from xinfer.client.results.text import ChatChunk, ChatCompletion, Completion, CompletionChunk
    from xinfer.client.streamable import Chatting, Generating, Speaking


class AsyncRESTfulGenerateModelHandle(AsyncRESTfulModelHandle):
    """A model that continues text."""

    generate: Generating[
        Coroutine[Any, Any, Completion], Coroutine[Any, Any, AsyncStream[CompletionChunk]]
    ] = either(inference.generate)


class AsyncRESTfulChatModelHandle(AsyncRESTfulGenerateModelHandle):
    """A model that answers conversations."""

    chat: Chatting[
        Coroutine[Any, Any, ChatCompletion], Coroutine[Any, Any, AsyncStream[ChatChunk]]
    ] = either(inference.chat)


class AsyncRESTfulEmbeddingModelHandle(AsyncRESTfulModelHandle):
    """A model that embeds text."""

    create_embedding = of_handle(inference.create_embedding)
    convert_ids_to_tokens = of_handle(inference.convert_ids_to_tokens)


class AsyncRESTfulRerankModelHandle(AsyncRESTfulModelHandle):
    """A model that orders documents by relevance."""

    rerank = of_handle(inference.rerank)


class AsyncRESTfulImageModelHandle(AsyncRESTfulModelHandle):
    """A model that makes pictures."""

    text_to_image = of_handle(media.text_to_image)
    image_to_image = of_handle(media.image_to_image)
    image_edit = of_handle(media.image_edit)
    inpainting = of_handle(media.inpainting)
    ocr = of_handle(media.ocr)


class AsyncRESTfulAudioModelHandle(AsyncRESTfulModelHandle):
    """A model that hears or speaks."""

    transcriptions = of_handle(media.transcriptions)
    translations = of_handle(media.translations)
    speech: Speaking[Coroutine[Any, Any, bytes], Coroutine[Any, Any, AsyncStream[bytes]]] = either(
        media.speech
    )
    create_embedding = of_handle(media.embed_audio)


class AsyncRESTfulVideoModelHandle(AsyncRESTfulModelHandle):
    """A model that makes films."""

    text_to_video = of_handle(media.text_to_video)
    image_to_video = of_handle(media.image_to_video)
    flf_to_video = of_handle(media.flf_to_video)


class AsyncRESTfulWorldModelHandle(AsyncRESTfulModelHandle):
    """A model that makes worlds."""

    generate = of_handle(media.generate_world)


class AsyncRESTfulFlexibleModelHandle(AsyncRESTfulModelHandle):
    """A model that does something else."""

    infer = of_handle(media.infer)


HANDLES: dict[HandleKind, type[AsyncRESTfulModelHandle]] = {
    HandleKind.CHAT: AsyncRESTfulChatModelHandle,
    HandleKind.GENERATE: AsyncRESTfulGenerateModelHandle,
    HandleKind.EMBEDDING: AsyncRESTfulEmbeddingModelHandle,
    HandleKind.RERANK: AsyncRESTfulRerankModelHandle,
    HandleKind.IMAGE: AsyncRESTfulImageModelHandle,
    HandleKind.AUDIO: AsyncRESTfulAudioModelHandle,
    HandleKind.VIDEO: AsyncRESTfulVideoModelHandle,
    HandleKind.WORLD: AsyncRESTfulWorldModelHandle,
    HandleKind.FLEXIBLE: AsyncRESTfulFlexibleModelHandle,
}
