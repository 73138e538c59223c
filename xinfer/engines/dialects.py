"""The words of each engine's server for what clients of Xinference say in theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from xinfer.domain.dialect import Dialect, Guide
from xinfer.errors import Invalid

_NOT_IN_TEXT = frozenset({"request_id", "stream_interval", "cache_salt"})


_GENERATION = "generation_config"
_SAMPLING = (
    *("top_k", "min_p", "typical_p", "repetition_penalty", "no_repeat_ngram_size"),
    *("num_beams", "do_sample", "length_penalty"),
)
_LENGTHS = ("max_tokens", "max_completion_tokens")
_MOST_TOKENS = 1024
"""What Transformers takes for the length of a reply when nobody says one; it forgets so where
anything else is said.
"""


def _schema(value: Any) -> Any:
    """A JSON schema, given as such or as text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise Invalid(f"guided_json: it is not JSON: {error}.", key="guided_json") from error
    if not isinstance(value, dict):
        raise Invalid("guided_json: it must be a JSON schema, an object.", key="guided_json")
    return value


def _choices(value: Any) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise Invalid("guided_choice: it must be a list of texts.", key="guided_choice")
    return value


def _as_response_format(value: Any) -> dict[str, Any]:
    """`json_schema` beside it is read where there is no chat."""
    schema = _schema(value)
    return {"response_format": {"type": "json_object", "schema": schema}, "json_schema": schema}


def _any_object(_value: Any) -> dict[str, Any]:
    return _as_response_format({"type": "object"})


def _as_grammar(value: Any) -> dict[str, Any]:
    texts = (json.dumps(each, ensure_ascii=False) for each in _choices(value))
    return {"grammar": f"root ::= {' | '.join(texts)}"}


def _as_regex(value: Any) -> dict[str, Any]:
    return {"regex": f"({'|'.join(re.escape(each) for each in _choices(value))})"}


def _as_generation_config(gathered: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    given = gathered.get(_GENERATION) or "{}"
    try:
        made = json.loads(given) if isinstance(given, str) else dict(given)
    except (ValueError, TypeError) as error:
        raise Invalid(f"{_GENERATION}: it is not JSON: {error}.", key=_GENERATION) from error
    made |= {key: value for key, value in gathered.items() if key != _GENERATION}
    if others.keys().isdisjoint(_LENGTHS):
        made.setdefault("max_new_tokens", _MOST_TOKENS)
    return {_GENERATION: json.dumps(made)}


def _structured(kind: str) -> Guide:
    return lambda value: {"structured_outputs": {kind: value}}


def _named(key: str) -> Guide:
    return lambda value: {key: value}


LLAMA_CPP = Dialect(
    names={"repetition_penalty": "repeat_penalty"},
    guides={
        "json": _as_response_format,
        "json_object": _any_object,
        "choice": _as_grammar,
        "grammar": _named("grammar"),
    },
    unheeded=frozenset({"return_sparse", "dimensions"}),
)

VLLM = Dialect(
    guides={
        "json": lambda value: {"structured_outputs": {"json": _schema(value)}},
        "json_object": _structured("json_object"),
        "regex": _structured("regex"),
        "choice": lambda value: {"structured_outputs": {"choice": _choices(value)}},
        "grammar": _structured("grammar"),
    },
    adapter="model",
)

SGLANG = Dialect(
    guides={
        "json": lambda value: {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "guided", "schema": _schema(value)},
            }
        },
        "json_object": lambda _value: {"response_format": {"type": "json_object"}},
        "regex": _named("regex"),
        "choice": _as_regex,
        "grammar": _named("ebnf"),
    },
    adapter="lora_path",
)

TRANSFORMERS = Dialect(
    unknown=_NOT_IN_TEXT,
    gathered=frozenset({*_SAMPLING, _GENERATION}),
    gather=_as_generation_config,
)

MLX = Dialect(unstreamed=frozenset({"logprobs"}))
