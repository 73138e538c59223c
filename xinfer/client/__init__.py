"""Python client of the xinfer API: httpx and the standard library, nothing else of xinfer.

client = RESTfulClient("http://127.0.0.1:9997")
uid = client.launch_model(model_name="qwen2.5-instruct", model_engine="llama.cpp")
reply = client.get_model(uid).chat([{"role": "user", "content": "Hello"}])
reply["choices"][0]["message"]["content"]

Results are plain dicts; `xinfer.client.results` has their keys for type checkers. What fails raises
ClientError. An iterator of a reply ends it when it is closed, left by `with`, or done.
"""

from xinfer.client.async_ import (
    AsyncRESTfulModelHandle,
    AsyncStream,
)
from xinfer.client.async_client import AsyncRESTfulClient
from xinfer.client.async_handles import (
    AsyncRESTfulAudioModelHandle,
    AsyncRESTfulChatModelHandle,
    AsyncRESTfulEmbeddingModelHandle,
    AsyncRESTfulFlexibleModelHandle,
    AsyncRESTfulGenerateModelHandle,
    AsyncRESTfulImageModelHandle,
    AsyncRESTfulRerankModelHandle,
    AsyncRESTfulVideoModelHandle,
    AsyncRESTfulWorldModelHandle,
)
from xinfer.client.errors import ClientError, Unreachable
from xinfer.client.sync import (
    RESTfulModelHandle,
    Stream,
)
from xinfer.client.sync_client import RESTfulClient
from xinfer.client.sync_handles import (
    RESTfulAudioModelHandle,
    RESTfulChatModelHandle,
    RESTfulEmbeddingModelHandle,
    RESTfulFlexibleModelHandle,
    RESTfulGenerateModelHandle,
    RESTfulImageModelHandle,
    RESTfulRerankModelHandle,
    RESTfulVideoModelHandle,
    RESTfulWorldModelHandle,
)

__all__ = [
    "AsyncRESTfulAudioModelHandle",
    "AsyncRESTfulChatModelHandle",
    "AsyncRESTfulClient",
    "AsyncRESTfulEmbeddingModelHandle",
    "AsyncRESTfulFlexibleModelHandle",
    "AsyncRESTfulGenerateModelHandle",
    "AsyncRESTfulImageModelHandle",
    "AsyncRESTfulModelHandle",
    "AsyncRESTfulRerankModelHandle",
    "AsyncRESTfulVideoModelHandle",
    "AsyncRESTfulWorldModelHandle",
    "AsyncStream",
    "ClientError",
    "RESTfulAudioModelHandle",
    "RESTfulChatModelHandle",
    "RESTfulClient",
    "RESTfulEmbeddingModelHandle",
    "RESTfulFlexibleModelHandle",
    "RESTfulGenerateModelHandle",
    "RESTfulImageModelHandle",
    "RESTfulModelHandle",
    "RESTfulRerankModelHandle",
    "RESTfulVideoModelHandle",
    "RESTfulWorldModelHandle",
    "Stream",
    "Unreachable",
]
