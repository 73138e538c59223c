"""A model family as the catalog knows it: its variants, and where the files of each are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from xinfer.domain.names import did_you_mean
from xinfer.errors import Invalid

UNQUANTIZED = "none"
"""The quantization of a variant that lists none."""


class Kind(StrEnum):
    """What a family is for, in the spelling of the public API."""

    LLM = "LLM"
    EMBEDDING = "embedding"
    RERANK = "rerank"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"

    @classmethod
    def of(cls, name: str) -> Kind:
        """The kind of that name, in any case. Raises Invalid with the nearest one."""
        for kind in cls:
            if kind.lower() == name.lower():
                return kind
        raise Invalid(f"There is no model type '{name}'.", did_you_mean(name, cls), key="type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The network in numbers: dimensions, counts, and `weights_bytes` where they are recorded.

    `kind` is empty for plain attention, else multimodal, moe, mla or hybrid_attention. Of a hybrid
    network one layer in `full_attention_interval` has full attention; the others keep a state of
    `linear_*` dimensions instead of a cache.
    """

    layers: int
    hidden: int
    heads: int
    intermediate: int
    vocab: int
    kv_heads: int | None = None
    head_dim: int | None = None
    kind: str = ""
    full_attention_interval: int | None = None
    linear_key_heads: int = 0
    linear_value_heads: int = 0
    linear_key_dim: int = 0
    linear_value_dim: int = 0
    linear_conv: int = 0
    experts: int = 0
    experts_per_token: int = 0
    shared_expert: int = 0
    weights_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The files of one variant on one hub.

    `file` names the GGUF file of a `{quantization}`; those in `parts` are split as `split_file`
    says, by `{part}`. `projectors` are for images or sound. `uri` is a folder or file of this
    machine, in place of a repository.
    """

    repo: str = ""
    revision: str | None = None
    quantizations: tuple[str, ...] = ()
    file: str = ""
    split_file: str = ""
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    projectors: tuple[str, ...] = ()
    draft_repo: str = ""
    draft_file: str = ""
    draft_quantizations: tuple[str, ...] = ()
    uri: str = ""

    def spelling(self, quantization: str) -> str | None:
        """How it spells that quantization, given in any case of letters; None = it has none."""
        wanted = quantization.lower()
        return next((each for each in self.offered() if each.lower() == wanted), None)

    def offered(self) -> tuple[str, ...]:
        """What it has, in its own order."""
        return self.quantizations or tuple(self.parts) or (UNQUANTIZED,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One format and size. `size` and `active_size` are billions of parameters, as text."""

    format: str
    size: str | None = None
    active_size: str | None = None
    sources: Mapping[str, Place] = field(default_factory=dict)
    shape: Shape | None = None

    def quantizations(self) -> tuple[str, ...]:
        """Those of all its hubs, each once, in their order."""
        return tuple(
            dict.fromkeys(each for place in self.sources.values() for each in place.offered())
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One entry. Lengths in tokens; `rerank_type` and `family` as the public lists have them.

    `version` counts the registrations of a custom name; built-in families have 0.
    """

    name: str
    kind: Kind = Kind.LLM
    abilities: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    context_length: int | None = None
    max_tokens: int | None = None
    dimensions: int | None = None
    description: str = ""
    architectures: tuple[str, ...] = ()
    chat_template: str = ""
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    tool_parser: str = ""
    reasoning_start: str = ""
    reasoning_end: str = ""
    rerank_type: str = ""
    family: str = ""
    engine: str = ""
    multilingual: bool | None = None
    featured: bool = False
    variants: tuple[Variant, ...] = ()
    builtin: bool = True
    version: int = 0


UNSERVED: Mapping[Kind, str] = {
    Kind.IMAGE: "no engine for images yet: xinfer serves text, embeddings and rerank",
    Kind.AUDIO: "no engine for speech and sound yet: xinfer serves text, embeddings and rerank",
    Kind.VIDEO: "no engine for video yet: xinfer serves text, embeddings and rerank",
}
"""Kinds that the catalog lists and nothing here can run, and what to say about it."""
