"""Models of a server as objects: what each kind of them can be asked, in the caller's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xinfer.client import inference, media
from xinfer.client.handles import HandleKind
from xinfer.client.sync import RESTfulModelHandle, Stream, either, of_handle

if TYPE_CHECKING:
    from xinfer.client.results.text import ChatChunk, ChatCompletion, Completion, CompletionChunk
    from xinfer.client.streamable import Chatting, Generating, Speaking


class RESTfulGenerateModelHandle(RESTfulModelHandle):
    """A model that continues text."""

    generate: Generating[Completion, Stream[CompletionChunk]] = either(inference.generate)


class RESTfulChatModelHandle(RESTfulGenerateModelHandle):
    """A model that answers conversations."""

    chat: Chatting[ChatCompletion, Stream[ChatChunk]] = either(inference.chat)


class RESTfulEmbeddingModelHandle(RESTfulModelHandle):
    """A model that embeds text."""

    create_embedding = of_handle(inference.create_embedding)
    convert_ids_to_tokens = of_handle(inference.convert_ids_to_tokens)


class RESTfulRerankModelHandle(RESTfulModelHandle):
    """A model that orders documents by relevance."""

    rerank = of_handle(inference.rerank)


class RESTfulImageModelHandle(RESTfulModelHandle):
    """A model that makes pictures."""

    text_to_image = of_handle(media.text_to_image)
    image_to_image = of_handle(media.image_to_image)
    image_edit = of_handle(media.image_edit)
    inpainting = of_handle(media.inpainting)
    ocr = of_handle(media.ocr)


class RESTfulAudioModelHandle(RESTfulModelHandle):
    """A model that hears or speaks."""

    transcriptions = of_handle(media.transcriptions)
    translations = of_handle(media.translations)
    speech: Speaking[bytes, Stream[bytes]] = either(media.speech)
    create_embedding = of_handle(media.embed_audio)


class RESTfulVideoModelHandle(RESTfulModelHandle):
    """A model that makes films."""

    text_to_video = of_handle(media.text_to_video)
    image_to_video = of_handle(media.image_to_video)
    flf_to_video = of_handle(media.flf_to_video)


class RESTfulWorldModelHandle(RESTfulModelHandle):
    """A model that makes worlds."""

    generate = of_handle(media.generate_world)


class RESTfulFlexibleModelHandle(RESTfulModelHandle):
    """A model that does something else."""

    infer = of_handle(media.infer)


HANDLES: dict[HandleKind, type[RESTfulModelHandle]] = {
    HandleKind.CHAT: RESTfulChatModelHandle,
    HandleKind.GENERATE: RESTfulGenerateModelHandle,
    HandleKind.EMBEDDING: RESTfulEmbeddingModelHandle,
    HandleKind.RERANK: RESTfulRerankModelHandle,
    HandleKind.IMAGE: RESTfulImageModelHandle,
    HandleKind.AUDIO: RESTfulAudioModelHandle,
    HandleKind.VIDEO: RESTfulVideoModelHandle,
    HandleKind.WORLD: RESTfulWorldModelHandle,
    HandleKind.FLEXIBLE: RESTfulFlexibleModelHandle,
}
