"""A registration as users write it: the keys of each kind of model, in JSON or YAML."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import yaml

from xinfer.catalog.family import Kind
from xinfer.errors import Invalid

_LONGEST = 1_000_000
_MISTYPED = 0.85
"""How alike a key must be to one that is not given: a letter or two in ten are wrong."""

Positive = Annotated[int, msgspec.Meta(ge=1)]
Size = int | float | str


class SpecForm(msgspec.Struct, kw_only=True):
    """One variant. Unknown keys are passed over, here and below, as users expect, unless they look
    like a known one mistyped."""

    model_format: str
    quantization: str | None = None
    model_size_in_billions: Size | None = None
    activated_size_in_billions: Size | None = None
    model_id: str | None = None
    model_hub: str = "huggingface"
    model_uri: str | None = None
    model_revision: str | None = None
    model_file_name_template: str | None = None
    model_file_name_split_template: str | None = None
    quantization_parts: dict[str, list[str]] | None = None
    multimodal_projectors: list[str] | None = None
    multimodal_projector: str | None = None
    draft_model_id: str | None = None
    draft_model_file_name_template: str | None = None
    draft_quantizations: list[str] | None = None
    model_metadata: dict[str, Any] | None = None


class Form(msgspec.Struct, kw_only=True):
    """What every kind has."""

    version: int
    model_name: str
    model_specs: list[SpecForm]
    model_description: str | None = None
    virtualenv: dict[str, Any] | None = None
    cache_config: dict[str, Any] | None = None


class TextForm(Form, kw_only=True):
    """A family of type LLM."""

    model_family: str
    model_lang: list[str]
    model_ability: list[str]
    context_length: Positive | None = None
    chat_template: str | None = None
    stop: list[str] | None = None
    stop_token_ids: list[int] | None = None
    reasoning_start_tag: str | None = None
    reasoning_end_tag: str | None = None
    architectures: list[str] | None = None
    tool_parser: str | None = None


class EmbeddingForm(Form, kw_only=True):
    """A family of type embedding."""

    dimensions: Positive
    max_tokens: Positive
    language: list[str]
    model_ability: list[str] | None = None


class RerankForm(Form, kw_only=True):
    """A family of type rerank."""

    language: list[str]
    type: str = "unknown"
    max_tokens: Positive | None = None
    model_ability: list[str] | None = None


_FORMS: Mapping[Kind, type[TextForm | EmbeddingForm | RerankForm]] = {
    Kind.LLM: TextForm,
    Kind.EMBEDDING: EmbeddingForm,
    Kind.RERANK: RerankForm,
}


def read(kind: Kind, model: str | Mapping[str, Any]) -> TextForm | EmbeddingForm | RerankForm:
    """`model` is JSON or YAML as text, or read already.

    Raises Invalid with the full key of what is missing or of another type.
    """
    given = _parsed(model) if isinstance(model, str) else dict(model)
    try:
        return msgspec.convert(given, _FORMS[kind], strict=False)
    except msgspec.ValidationError as error:
        raise _fault(error) from None


def check_spelling(kind: Kind, model: str | Mapping[str, Any]) -> None:
    """Of the unknown keys, those that are a known one mistyped must not pass unseen.

    This is for what a person just wrote; what is stored was accepted once. Raises Invalid with the
    key as it was written.
    """
    given = _parsed(model) if isinstance(model, str) else model
    _compare("", given, _FORMS[kind])
    specs = given.get("model_specs")
    for place, spec in enumerate(specs if isinstance(specs, list) else ()):
        if isinstance(spec, dict):
            _compare(f"model_specs[{place}].", spec, SpecForm)


def _compare(where: str, given: Mapping[str, Any], form: type[msgspec.Struct]) -> None:
    known = form.__struct_fields__
    free = [name for name in known if name not in given]
    for key in given:
        if key in known or not isinstance(key, str):
            continue
        meant = difflib.get_close_matches(key, free, n=1, cutoff=_MISTYPED)
        if meant:
            raise Invalid(
                f"{where}{key}: there is no such key.",
                f"Did you mean '{meant[0]}'?",
                key=f"{where}{key}",
            )


def _parsed(text: str) -> Mapping[str, Any]:
    if len(text) > _LONGEST:
        raise Invalid("The registration is longer than a million characters.", key="model")
    try:
        found = _json(text) if text.lstrip().startswith("{") else yaml.load(text, Loader=_Loader)
    except RecursionError:
        raise Invalid("The registration is nested too deeply.", key="model") from None
    except yaml.YAMLError as error:
        words = " ".join(str(error).split())
        raise Invalid(f"The registration is not YAML: {words}.", key="model") from None
    if not isinstance(found, dict):
        raise Invalid(
            "The registration is not an object of keys and values.",
            "It has model_name, model_specs and more; see docs/catalog.md.",
            key="model",
        )
    return found


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise Invalid(f"The registration is not JSON: {error}.", key="model") from None


_SCALARS = (
    ("null", r"null\Z|~\Z|\Z", ["n", "~", ""]),
    ("bool", r"(?:true|false)\Z", ["t", "f"]),
    ("int", r"-?(?:0|[1-9][0-9]*)\Z", [*"-0123456789"]),
    ("float", r"-?(?:0|[1-9][0-9]*)\.[0-9]+\Z", [*"-0123456789"]),
)


class _Loader(yaml.SafeLoader):
    """YAML that takes only what looks like JSON for anything but text: `1_8` and `no` stay."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [
            (f"tag:yaml.org,2002:{tag}", re.compile(pattern))
            for tag, pattern, firsts in _SCALARS
            if first in firsts
        ]
        for first in {each for _, _, firsts in _SCALARS for each in firsts}
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise Invalid("Aliases (*name) have no place in a registration.", key="model")
        return super().compose_node(parent, index)


def _fault(error: msgspec.ValidationError) -> Invalid:
    """msgspec says "Expected `int`, got `str` - at `$.model_specs[0].name`", or what is missing."""
    what, _, where = str(error).partition(" - at ")
    key = where.strip("`").removeprefix("$").lstrip(".").replace("[...]", "")
    missing = re.search(r"missing required field `(\w+)`", what)
    if missing:
        full = f"{key}.{missing[1]}" if key else missing[1]
        return Invalid(f"{full}: it is missing.", "See docs/catalog.md for an example.", key=full)
    words = what.replace("`", "")
    return Invalid(f"{key}: {words[:1].lower()}{words[1:]}.", key=key)
