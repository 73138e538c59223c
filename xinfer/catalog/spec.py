"""One variant of a custom model as it was submitted: checked, and turned into the catalog's."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from xinfer.catalog import form
from xinfer.catalog.family import UNQUANTIZED, Kind, Place, Shape, Variant
from xinfer.catalog.match import plain_format, plain_size
from xinfer.domain.names import did_you_mean
from xinfer.errors import Invalid

_REPO = re.compile(r"[\w.-]+(/[\w.-]+)?\Z")
_REVISION = re.compile(r"[\w./-]+\Z")
_HUBS = ("huggingface", "modelscope")
FORMATS: Mapping[Kind, tuple[str, ...]] = {
    Kind.LLM: ("pytorch", "gptq", "awq", "fp4", "fp8", "bnb", "ggufv2", "mlx"),
    Kind.EMBEDDING: ("pytorch", "ggufv2"),
    Kind.RERANK: ("pytorch", "ggufv2"),
}
_SHAPE = (
    *("num_hidden_layers", "hidden_size", "num_attention_heads"),
    *("intermediate_size", "vocab_size"),
)
_MORE_SHAPE = ("num_key_value_heads", "head_dim", "weights_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where in a registration a spec is, and of what kind the model is."""

    kind: Kind
    key: str

    def fault(self, name: str, what: str, hint: str = "") -> Invalid:
        """What is wrong with one key of it."""
        full = f"{self.key}.{name}"
        return Invalid(f"{full}: {what}.", hint, key=full)


def variant(at: Spot, spec: form.SpecForm) -> Variant:
    """The variant that one spec describes. Raises Invalid with the full key at fault."""
    formats = FORMATS[at.kind]
    format_ = plain_format(spec.model_format)
    is_gguf = format_ == "gguf"
    if format_ not in map(plain_format, formats):
        raise at.fault(
            "model_format",
            f"'{spec.model_format}' is not a format of {at.kind} models",
            did_you_mean(spec.model_format, formats),
        )
    if at.kind is Kind.LLM and spec.model_size_in_billions is None:
        raise at.fault("model_size_in_billions", "it is missing", "Such as 7, or 0_5 for 0.5.")
    if not spec.quantization and (at.kind is Kind.LLM or is_gguf):
        raise at.fault("quantization", "it is missing", "Weights as trained are 'none'.")
    if spec.model_hub not in _HUBS:
        raise at.fault(
            "model_hub",
            f"there is no hub '{spec.model_hub}'",
            did_you_mean(spec.model_hub, _HUBS),
        )
    return Variant(
        format=format_,
        size=_size(at, "model_size_in_billions", spec.model_size_in_billions),
        active_size=_size(at, "activated_size_in_billions", spec.activated_size_in_billions),
        sources={spec.model_hub: _place(at, spec, is_gguf)},
        shape=_shape(spec.model_metadata or {}),
    )


def merged(variants: Iterable[Variant]) -> tuple[Variant, ...]:
    """Those that differ in nothing but the hub as one variant, at the place of the first."""
    found: list[Variant] = []
    for one in variants:
        for index, other in enumerate(found):
            alike = _identity(other) == _identity(one)
            if alike and not set(other.sources) & set(one.sources):
                found[index] = replace(other, sources={**other.sources, **one.sources})
                break
        else:
            found.append(one)
    return tuple(found)


def _identity(one: Variant) -> tuple[str, str | None, tuple[str, ...]]:
    return one.format, one.size, tuple(each.lower() for each in one.quantizations())


def _place(at: Spot, spec: form.SpecForm, is_gguf: bool) -> Place:
    quantization = spec.quantization or UNQUANTIZED
    projectors = spec.multimodal_projectors or []
    if spec.multimodal_projector:
        projectors = [spec.multimodal_projector, *projectors]
    place = Place(
        repo=_matching(at, "model_id", spec.model_id, _REPO),
        revision=_matching(at, "model_revision", spec.model_revision, _REVISION) or None,
        quantizations=() if quantization.lower() == UNQUANTIZED else (quantization,),
        file=spec.model_file_name_template or "",
        split_file=spec.model_file_name_split_template or "",
        parts={name: tuple(parts) for name, parts in (spec.quantization_parts or {}).items()},
        projectors=tuple(projectors),
        draft_repo=_matching(at, "draft_model_id", spec.draft_model_id, _REPO),
        draft_file=spec.draft_model_file_name_template or "",
        draft_quantizations=tuple(spec.draft_quantizations or ()),
        uri=_local(at, spec.model_uri) if spec.model_uri else "",
    )
    _check_files(at, place, is_gguf)
    return place


def _check_files(at: Spot, place: Place, is_gguf: bool) -> None:
    if is_gguf and not place.file:
        raise at.fault(
            "model_file_name_template",
            "a GGUF model needs it",
            "Such as model-{quantization}.gguf.",
        )
    if place.parts and not place.split_file:
        raise at.fault(
            "model_file_name_split_template",
            "quantization_parts needs it",
            "Such as model-{quantization}-{part}.gguf.",
        )
    for key, template, marks in (
        ("model_file_name_template", place.file, ("{quantization}",)),
        ("model_file_name_split_template", place.split_file, ("{quantization}", "{part}")),
        ("draft_model_file_name_template", place.draft_file, ("{quantization}",)),
        *(("multimodal_projectors", name, ()) for name in place.projectors),
        *(("quantization_parts", part, ()) for parts in place.parts.values() for part in parts),
        ("quantization", "".join(place.quantizations), ()),
    ):
        name = template
        for mark in marks:
            name = name.replace(mark, "x")
        if name and not _is_inside(name):
            raise at.fault(
                key,
                f"'{template}' does not name a file of the model",
                f"A relative name without .. and signs such as * ? [; {' '.join(marks)} may be in"
                " it."
                if marks
                else "A relative name without .. and signs such as * ? [.",
            )


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    strange = set(name) & set("*?[]{}\\") or any(ord(sign) < 32 for sign in name)
    return not path.is_absolute() and ".." not in path.parts and not strange


def _matching(at: Spot, name: str, value: str | None, pattern: re.Pattern[str]) -> str:
    """`value` if it is what the pattern asks and climbs nowhere; empty when it is not given."""
    if not value:
        return ""
    plain = value.replace("{quantization}", "x")
    if not pattern.match(plain) or ".." in plain or plain.startswith(("/", ".")):
        example = "org/repo" if pattern is _REPO else "main, v1.0 or a commit"
        raise at.fault(name, f"'{value}' is not usable", f"Such as {example}.")
    return value


def _local(at: Spot, uri: str) -> str:
    """The path on the worker's machine that a `model_uri` names."""
    parts = urlsplit(uri) if "://" in uri else None
    if parts is not None and (parts.scheme != "file" or parts.netloc not in {"", "localhost"}):
        raise at.fault(
            "model_uri",
            f"'{uri}' is not a place that xinfer reads",
            "Use an absolute path, file:///path, or model_id and model_hub.",
        )
    path = PurePosixPath(uri if parts is None else unquote(parts.path))
    if not path.is_absolute() or ".." in path.parts or "\x00" in str(path):
        raise at.fault("model_uri", f"'{uri}' is not an absolute path", "Write it from /.")
    return str(path)


def _size(at: Spot, name: str, given: form.Size | None) -> str | None:
    if given is None:
        return None
    plain = plain_size(given)
    try:
        number = float(plain)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise at.fault(name, f"'{given}' is not a number of billions", "Such as 7, 0.5 or 0_5.")
    return plain


def _shape(given: Mapping[str, Any]) -> Shape | None:
    """The network, if the metadata describe a plain one in whole."""
    if not all(_is_count(given.get(name)) for name in _SHAPE):
        return None
    more = {name: given[name] for name in _MORE_SHAPE if _is_count(given.get(name))}
    return Shape(
        layers=given["num_hidden_layers"],
        hidden=given["hidden_size"],
        heads=given["num_attention_heads"],
        intermediate=given["intermediate_size"],
        vocab=given["vocab_size"],
        kv_heads=more.get("num_key_value_heads"),
        head_dim=more.get("head_dim"),
        weights_bytes=more.get("weights_bytes"),
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and value > 0
