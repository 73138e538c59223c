"""What could run: families, their versions, and the engines for them."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class FamilySpec(TypedDict):
    """One variant of a family, from one hub.

    `model_version` is what `launch_model_version` takes. Sizes are billions of parameters: a number
    if they are whole, else text such as `0_5`. `{quantization}` and `{part}` in the names of files
    stand for those. The keys that may be absent are those of other types and formats.
    """

    model_format: str
    quantization: str
    model_hub: str
    model_id: str | None
    model_revision: str | None
    model_uri: str | None
    model_version: str
    model_size_in_billions: NotRequired[int | str | None]
    activated_size_in_billions: NotRequired[int | str | None]
    model_file_name_template: NotRequired[str]
    model_file_name_split_template: NotRequired[str | None]
    quantization_parts: NotRequired[dict[str, list[str]]]
    multimodal_projectors: NotRequired[list[str] | None]
    draft_model_id: NotRequired[str]
    draft_quantizations: NotRequired[list[str] | None]
    draft_model_file_name_template: NotRequired[str | None]


class FamilyName(TypedDict):
    """A family; `is_builtin` is False for one that was registered."""

    model_name: str
    is_builtin: bool


class Family(FamilyName):
    """The whole of it, where that was asked for. Lengths are in tokens.

    Models of images, sound and film have their files as keys of the family, beside `model_specs`.
    """

    version: NotRequired[int]
    model_description: NotRequired[str | None]
    model_ability: NotRequired[list[str]]
    featured: NotRequired[bool]
    model_specs: NotRequired[list[FamilySpec]]
    download_hubs: NotRequired[list[str]]
    context_length: NotRequired[int | None]
    model_lang: NotRequired[list[str]]
    model_family: NotRequired[str]
    architectures: NotRequired[list[str]]
    chat_template: NotRequired[str | None]
    stop: NotRequired[list[str]]
    stop_token_ids: NotRequired[list[int]]
    reasoning_start_tag: NotRequired[str | None]
    reasoning_end_tag: NotRequired[str | None]
    tool_parser: NotRequired[str | None]
    dimensions: NotRequired[int | None]
    max_tokens: NotRequired[int | None]
    language: NotRequired[list[str]]
    type: NotRequired[str]
    multilingual: NotRequired[bool | None]
    engine: NotRequired[str | None]
    model_hub: NotRequired[str]
    model_id: NotRequired[str]
    model_revision: NotRequired[str | None]
    gguf_model_id: NotRequired[str]
    gguf_quantizations: NotRequired[list[str]]
    gguf_model_file_name_template: NotRequired[str]


class FamilySummary(FamilyName):
    """What tells families apart. Lengths are in tokens, sizes billions of parameters as text."""

    model_type: str
    model_description: str | None
    model_ability: list[str]
    model_family: str | None
    multilingual: bool | None
    featured: bool
    languages: list[str]
    context_length: int | None
    dimensions: int | None
    sizes: list[str]
    formats: list[str]
    hubs: list[str]


class ModelVersion(TypedDict):
    """One variant of a family, from one hub; the last two keys are always None."""

    model_version: str
    model_format: str
    model_size_in_billions: int | str | None
    quantization: str
    model_hub: str
    cache_status: None
    model_file_location: None


class EngineOffer(TypedDict):
    """What an engine can run here of a family, in one format and size.

    By quantization: `memory_bytes` is what one replica needs, `too_large` why no node has that.
    """

    model_name: str
    model_format: str
    quantizations: list[str]
    memory_bytes: dict[str, int]
    too_large: dict[str, str]
    model_size_in_billions: NotRequired[int | str | None]
    multimodal_projectors: NotRequired[list[str]]


class EngineOption(TypedDict):
    """An option of an engine: `type` is its Python type by name; `choices` is empty for any."""

    name: str
    type: str
    doc: str
    default: Any
    choices: list[Any]
    minimum: float | None
    maximum: float | None


class EngineDescription(TypedDict):
    """An engine, the types and formats it serves, and its options.

    `missing` says why no machine here has it, and is empty when one has. `needs_source` is False
    for one that loads no files.
    """

    name: str
    title: str
    types: list[str]
    formats: list[str]
    abilities: list[str]
    needs_source: bool
    missing: str
    options: list[EngineOption]


class RegisteredVersion(TypedDict):
    """A custom family as it was submitted; times are unix seconds, `removed_s` None while it is in
    force."""

    version: int
    registered_s: float
    removed_s: float | None
    model: str


class PromptStyle(TypedDict):
    """What marks ends and thoughts in the texts of a family; a template is in the files of it."""

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
    """What a text model is said to need, by part."""

    model_bytes: int
    kv_cache_bytes: int
    recurrent_state_bytes: int
    activation_bytes: int
    overhead_bytes: int
    total_bytes: int
    nodes: list[FreeMemory]
