"""Python client of the xinfer API: httpx and the standard library, nothing else of xinfer.

client = RESTfulClient("http://127.0.0.1:9997")
uid = client.launch_model(model_name="qwen2.5-instruct", model_engine="llama.cpp")
reply = client.get_model(uid).chat([{"role": "user", "content": "Hello"}])
"""

from xinfer.client.async_ import (
    AsyncRESTfulChatModelHandle,
    AsyncRESTfulClient,
    AsyncRESTfulEmbeddingModelHandle,
    AsyncRESTfulGenerateModelHandle,
    AsyncRESTfulModelHandle,
    AsyncRESTfulRerankModelHandle,
    AsyncStream,
)
from xinfer.client.errors import ClientError, Unreachable
from xinfer.client.sync import (
    RESTfulChatModelHandle,
    RESTfulClient,
    RESTfulEmbeddingModelHandle,
    RESTfulGenerateModelHandle,
    RESTfulModelHandle,
    RESTfulRerankModelHandle,
    Stream,
)

__all__ = [
    "AsyncRESTfulChatModelHandle",
    "AsyncRESTfulClient",
    "AsyncRESTfulEmbeddingModelHandle",
    "AsyncRESTfulGenerateModelHandle",
    "AsyncRESTfulModelHandle",
    "AsyncRESTfulRerankModelHandle",
    "AsyncStream",
    "ClientError",
    "RESTfulChatModelHandle",
    "RESTfulClient",
    "RESTfulEmbeddingModelHandle",
    "RESTfulGenerateModelHandle",
    "RESTfulModelHandle",
    "RESTfulRerankModelHandle",
    "Stream",
    "Unreachable",
]
