"""Families that users register: JSON or YAML in the form that Xinference's users know, checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from xinfer.catalog.family import UNQUANTIZED, UNSERVED, Family, Kind, Place, Variant
from xinfer.catalog.match import plain_format, plain_size
from xinfer.domain.names import did_you_mean
from xinfer.errors import Invalid

_NAME = re.compile(r"[^+\\/?%#&=\s]+\Z")
_FORMATS = ("pytorch", "gptq", "awq", "fp4", "fp8", "bnb", "ggufv2", "mlx")
_ABILITIES = (
    *("embed", "generate", "chat", "tools", "vision", "audio", "omni", "reasoning", "hybrid"),
)
_HUBS = ("huggingface", "modelscope")


class _Spec(msgspec.Struct, kw_only=True):
    """One variant as it is submitted; unknown keys are passed over, as users expect."""

    model_format: str
    quantization: str | None = None
    quantizations: list[str] | None = None
    model_size_in_billions: int | float | str | None = None
    activated_size_in_billions: int | float | str | None = None
    model_id: str | None = None
    model_hub: str = "huggingface"
    model_uri: str | None = None
    model_revision: str | None = None
    model_file_name_template: str | None = None
    model_file_name_split_template: str | None = None
    quantization_parts: dict[str, list[str]] | None = None
    multimodal_projectors: list[str] | None = None


class _Common(msgspec.Struct, kw_only=True):
    model_name: str
    version: int = 2
    model_description: str | None = None
    model_specs: list[_Spec] = []


class _Llm(_Common, kw_only=True):
    model_lang: list[str]
    model_ability: list[str]
    model_family: str
    context_length: int = 2048
    chat_template: str | None = None
    stop: list[str] | None = None
    stop_token_ids: list[int] | None = None
    reasoning_start_tag: str | None = None
    reasoning_end_tag: str | None = None
    architectures: list[str] | None = None
    tool_parser: str | None = None


class _Embedding(_Common, kw_only=True):
    dimensions: int
    max_tokens: int
    language: list[str]
    model_ability: list[str] | None = None


class _Rerank(_Common, kw_only=True):
    language: list[str]
    type: str = "unknown"
    max_tokens: int | None = None


_FORMS: Mapping[Kind, type[_Common]] = {
    Kind.LLM: _Llm,
    Kind.EMBEDDING: _Embedding,
    Kind.RERANK: _Rerank,
}


def parse(kind: Kind, text: str | Mapping[str, Any]) -> Family:
    """The family that `text` (JSON, YAML, or read already) registers.

    Raises Invalid with the full key at fault.
    """
    if kind in UNSERVED:
        raise Invalid(
            f"A custom {kind} model cannot be registered: {UNSERVED[kind]}.", key="model_type"
        )
    given = _read(text) if isinstance(text, str) else dict(text)
    try:
        form = msgspec.convert(given, _FORMS[kind], strict=False)
    except msgspec.ValidationError as error:
        raise _fault(error) from error
    _check_name(form.model_name)
    if form.version not in (1, 2):
        raise Invalid(f"version: {form.version} is not 2.", key="version")
    variants = tuple(
        _variant(kind, spec, f"model_specs[{place}]") for place, spec in enumerate(form.model_specs)
    )
    return _family(kind, form, variants)


def _read(text: str) -> dict[str, Any]:
    try:
        # Most of YAML is a superset of JSON; JSON is tried first for its tabs and escapes.
        found = json.loads(text)
    except ValueError:
        try:
            found = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise Invalid(f"This is neither JSON nor YAML: {error}", key="model") from error
    if not isinstance(found, dict):
        raise Invalid(
            f"A registration is an object, not {type(found).__name__}.",
            "It begins with model_name.",
            key="model",
        )
    return found


def _fault(error: msgspec.ValidationError) -> Invalid:
    """msgspec says `... - at $.model_specs[0].model_format`, or names a missing field."""
    what, _, where = str(error).partition(" - at ")
    key = where.strip("`").removeprefix("$").lstrip(".")
    missing = re.search(r"missing required field `(\w+)`", what)
    if missing:
        full = f"{key}.{missing[1]}" if key else missing[1]
        return Invalid(f"{full}: it is missing.", "Add it.", key=full)
    return Invalid(f"{key}: {what[:1].lower()}{what[1:]}.", key=key)


def _check_name(name: str) -> None:
    if name in {".", ".."} or not _NAME.match(name):
        raise Invalid(
            f"model_name: '{name}' is not a name.",
            "Use letters, digits and signs other than + \\ / ? % # & = and spaces.",
            key="model_name",
        )


def _variant(kind: Kind, spec: _Spec, key: str) -> Variant:
    if spec.model_format not in _FORMATS and plain_format(spec.model_format) != "gguf":
        raise Invalid(
            f"{key}.model_format: '{spec.model_format}' is not a format.",
            did_you_mean(spec.model_format, _FORMATS),
            key=f"{key}.model_format",
        )
    if kind is Kind.LLM and spec.model_size_in_billions is None:
        raise Invalid(f"{key}.model_size_in_billions: it is missing.", "Add it.", key=key)
    size = spec.model_size_in_billions
    return Variant(
        format=plain_format(spec.model_format),
        size=plain_size(size) if size is not None else None,
        active_size=(
            plain_size(spec.activated_size_in_billions)
            if spec.activated_size_in_billions is not None
            else None
        ),
        sources={_hub(spec, key): _place(spec, key)},
    )


def _hub(spec: _Spec, key: str) -> str:
    if spec.model_hub not in _HUBS:
        raise Invalid(
            f"{key}.model_hub: there is no hub '{spec.model_hub}'.",
            did_you_mean(spec.model_hub, _HUBS),
            key=f"{key}.model_hub",
        )
    return spec.model_hub


def _place(spec: _Spec, key: str) -> Place:
    is_gguf = plain_format(spec.model_format) == "gguf"
    names = spec.quantizations or ([spec.quantization] if spec.quantization else [])
    if not names and is_gguf:
        raise Invalid(f"{key}.quantization: it is missing.", "Add it.", key=f"{key}.quantization")
    if is_gguf and not spec.model_file_name_template and not spec.model_uri:
        full = f"{key}.model_file_name_template"
        raise Invalid(
            f"{full}: a GGUF model needs it.", "Such as model-{{quantization}}.gguf.", key=full
        )
    if not spec.model_uri and not spec.model_id:
        raise Invalid(
            f"{key}: nothing says where the files are.",
            "Give model_id (org/repo on the hub) or model_uri (a path of this machine).",
            key=f"{key}.model_uri",
        )
    return Place(
        repo=spec.model_id or "",
        revision=spec.model_revision,
        quantizations=tuple(name for name in names if name.lower() != UNQUANTIZED),
        file=spec.model_file_name_template or "",
        split_file=spec.model_file_name_split_template or "",
        parts={name: tuple(parts) for name, parts in (spec.quantization_parts or {}).items()},
        projectors=tuple(spec.multimodal_projectors or ()),
        uri=_local(spec.model_uri, f"{key}.model_uri") if spec.model_uri else "",
    )


def _local(uri: str, key: str) -> str:
    path = uri.removeprefix("file://")
    if "://" in path:
        raise Invalid(
            f"{key}: '{uri}' is not on this machine.", "Use model_id and model_hub.", key=key
        )
    if not Path(path).is_absolute():
        raise Invalid(f"{key}: '{uri}' is not an absolute path.", "Write it from /.", key=key)
    return path


def _family(kind: Kind, form: _Common, variants: tuple[Variant, ...]) -> Family:
    common: dict[str, Any] = {
        "name": form.model_name,
        "kind": kind,
        "description": form.model_description or "",
        "variants": variants,
        "builtin": False,
    }
    if isinstance(form, _Llm):
        _check_abilities(form.model_ability, _ABILITIES)
        return Family(
            **common,
            abilities=tuple(form.model_ability),
            languages=tuple(form.model_lang),
            context_length=form.context_length,
            family=form.model_family,
            chat_template=form.chat_template or "",
            stop=tuple(form.stop or ()),
            stop_token_ids=tuple(form.stop_token_ids or ()),
            reasoning_start=form.reasoning_start_tag or "",
            reasoning_end=form.reasoning_end_tag or "",
            architectures=tuple(form.architectures or ()),
            tool_parser=form.tool_parser or "",
        )
    if isinstance(form, _Embedding):
        return Family(
            **common,
            dimensions=form.dimensions,
            max_tokens=form.max_tokens,
            languages=tuple(form.language),
            abilities=tuple(form.model_ability or ()),
        )
    assert isinstance(form, _Rerank)
    return Family(
        **common,
        languages=tuple(form.language),
        max_tokens=form.max_tokens,
        rerank_type=form.type,
    )


def _check_abilities(given: Sequence[str], known: Sequence[str]) -> None:
    for place, name in enumerate(given):
        if name not in known:
            key = f"model_ability[{place}]"
            raise Invalid(
                f"{key}: there is no ability '{name}'.", did_you_mean(name, known), key=key
            )
