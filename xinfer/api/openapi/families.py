"""The catalog: families, what users add, and which engines can run what."""

from __future__ import annotations

from typing import Any, TypedDict

from xinfer.api.openapi.operation import NULL, Body, Operation, Query
from xinfer.api.resources.registrations import RegistrationBody
from xinfer.api.schemas.memory import MemoryBody


class FamilyName(TypedDict):
    """A family. Keys beyond these come with `detailed` and `summary`."""

    model_name: str
    is_builtin: bool


class FamilyDetails(TypedDict):
    """The whole family. Keys beyond these depend on its type."""

    model_name: str
    is_builtin: bool
    model_description: str | None
    model_ability: list[str]
    model_specs: list[dict[str, Any]]
    download_hubs: list[str]


class RegisteredVersion(TypedDict):
    """A custom family as it was submitted; times are unix seconds, `removed_s` null while it is in
    force."""

    version: int
    registered_s: float
    removed_s: float | None
    model: str


class EngineOption(TypedDict):
    """An option of an engine."""

    name: str
    type: str
    doc: str
    default: Any
    choices: list[Any]
    minimum: float | None
    maximum: float | None


class EngineDescription(TypedDict):
    """`missing` says why no machine here has it, and is empty when one has."""

    name: str
    title: str
    types: list[str]
    formats: list[str]
    abilities: list[str]
    needs_source: bool
    missing: str
    options: list[EngineOption]


class ModelVersion(TypedDict):
    """One variant of a family, from one hub."""

    model_version: str
    model_format: str
    model_size_in_billions: int | str | None
    quantization: str
    model_hub: str


class PromptStyle(TypedDict):
    """What marks ends and thoughts in the texts of a family."""

    chat_template: str | None
    stop: list[str]
    stop_token_ids: list[int]
    reasoning_start_tag: str | None
    reasoning_end_tag: str | None


class FreeMemory(TypedDict):
    """What a node has free, of its accelerators together if it has some."""

    node: str
    free_bytes: int
    fits: bool


class MemoryEstimate(TypedDict):
    """In bytes, by part."""

    model_bytes: int
    kv_cache_bytes: int
    recurrent_state_bytes: int
    activation_bytes: int
    overhead_bytes: int
    total_bytes: int
    nodes: list[FreeMemory]


_OFFERS = dict[str, str | list[dict[str, Any]]] | None
_EXAMPLE = {
    "model": {
        "version": 2,
        "model_name": "my-model",
        "model_lang": ["en"],
        "model_ability": ["chat"],
        "model_family": "my-model",
        "context_length": 2048,
        "model_specs": [
            {
                "model_format": "ggufv2",
                "model_size_in_billions": 1,
                "quantization": "Q4_K_M",
                "model_id": "someone/my-model-gguf",
                "model_hub": "huggingface",
                "model_file_name_template": "my-model-{quantization}.gguf",
            }
        ],
    },
}

OPERATIONS = (
    Operation(
        method="POST",
        path="/v1/model_memory",
        summary="Estimate the memory of a text model",
        doc="By the formulas of `xinfer cal-model-mem`, beside what nodes have free.",
        body=Body(
            kind=MemoryBody,
            example={
                "model_size_in_billions": 7,
                "model_format": "pytorch",
                "context_length": 4096,
            },
        ),
        reply=MemoryEstimate,
        errors=(404, 503),
    ),
    Operation(
        method="GET",
        path="/v1/model_registrations/{kind}",
        summary="List the families of a type",
        query=(
            Query(name="detailed", kind=bool, default=False, doc="Whole families."),
            Query(name="summary", kind=bool, default=False, doc="A few lines of each."),
        ),
        reply=list[FamilyName],
        errors=(503,),
    ),
    Operation(
        method="POST",
        path="/v1/model_registrations/{kind}",
        summary="Register a custom model",
        doc="`model` is the family as JSON or YAML text, or as an object.",
        body=Body(kind=RegistrationBody, example=_EXAMPLE),
        reply=NULL,
        errors=(409,),
    ),
    Operation(
        method="GET",
        path="/v1/model_registrations/{kind}/{name}",
        summary="Describe a family",
        doc="A name that is not known is a 400.",
        reply=FamilyDetails,
        errors=(400, 503),
    ),
    Operation(
        method="DELETE",
        path="/v1/model_registrations/{kind}/{name}",
        summary="Unregister a custom model",
        doc="One that is not there is no failure.",
        reply=NULL,
        errors=(400,),
    ),
    Operation(
        method="GET",
        path="/v1/model_registrations/{kind}/{name}/history",
        summary="List what was registered by a name",
        doc="Every version, oldest first, also those that were unregistered.",
        reply=list[RegisteredVersion],
        errors=(404,),
    ),
    Operation(
        method="GET",
        path="/v1/engines",
        summary="List engines",
        reply=list[EngineDescription],
        errors=(503,),
    ),
    Operation(
        method="GET",
        path="/v1/engines/{first}",
        summary="Engines for a text model",
        doc="By engine what it can run here, or a text that says why not; null for an unknown one.",
        reply=_OFFERS,
        errors=(400, 503),
    ),
    Operation(
        method="GET",
        path="/v1/engines/{first}/{name}",
        summary="Engines for a model of a type",
        doc="By engine what it can run here, or a text that says why not; null for an unknown one.",
        reply=_OFFERS,
        errors=(400, 503),
    ),
    Operation(
        method="GET",
        path="/v1/models/families",
        summary="Text models by ability",
        reply=dict[str, list[str]],
        errors=(503,),
    ),
    Operation(
        method="GET",
        path="/v1/models/prompts",
        summary="Stop words and tags of text models",
        reply=dict[str, PromptStyle],
        errors=(503,),
    ),
    Operation(
        method="GET",
        path="/v1/models/vllm-supported",
        summary="Architectures that vLLM reads",
        reply=dict[str, list[str]],
        errors=(503,),
    ),
    Operation(
        method="GET",
        path="/v1/models/{uid}/{name}/versions",
        summary="List the versions of a model",
        doc="Here `uid` is the type of models: LLM, embedding, rerank and so on.",
        reply=list[ModelVersion],
        errors=(400, 503),
    ),
)
