"""The few fields of a request's body that the byte path needs; the rest stays unparsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gevent
import msgspec

from xinfer.errors import Invalid

_MAX_DEPTH = 200
_MAX_NAME = 1000
_SLICE = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Peeked:
    """`fields` maps every top-level key to its raw JSON, in order. `request_id` is "" if absent."""

    model: str
    stream: bool
    wants_usage: bool
    request_id: str
    fields: dict[str, msgspec.Raw]


def peek(body: bytes) -> Peeked:
    """Raises Invalid, with the key as `key`, for a body that no engine should see."""
    if _too_deep(body):
        raise Invalid(f"The body nests deeper than {_MAX_DEPTH} levels.", key="body")
    try:
        fields = _FIELDS.decode(body)
    except msgspec.ValidationError as error:
        raise Invalid(f"The body must be a JSON object: {error}.", key="body") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"The body is not valid JSON: {error}.", key="body") from error
    model = _field(fields, "model", str)
    if not model:
        raise Invalid("The body names no model.", 'Add "model": "<uid>".', key="model")
    if len(model) > _MAX_NAME:
        raise Invalid(f"No model has a name of {len(model)} characters.", key="model")
    stream = bool(_field(fields, "stream", bool))
    options = _field(fields, "stream_options", dict) or {}
    wants_usage = options.get("include_usage", False)
    if not isinstance(wants_usage, bool | None):
        raise Invalid(
            "stream_options.include_usage must be true or false.",
            key="stream_options.include_usage",
        )
    return Peeked(
        model=model,
        stream=stream,
        wants_usage=bool(wants_usage),
        request_id=_field(fields, "request_id", str) or "",
        fields=fields,
    )


def upstream_body(
    peeked: Peeked, model_name: str | None, *, add_usage: bool, as_stream: bool = False
) -> bytes:
    """The body for the engine: each key once, as it was judged here. Were one sent twice as it
    came, an engine could take the other.

    Values are as they came, unless it calls the model otherwise or must count tokens. `add_usage`:
    ask for the usage chunk of a stream although the client did not. `as_stream`: ask for a stream
    although the client wants the whole.
    """
    fields: dict[str, Any] = dict(peeked.fields)
    if model_name is not None and model_name != peeked.model:
        fields["model"] = model_name
    if as_stream:
        fields["stream"] = True
    if add_usage and (peeked.stream or as_stream) and not peeked.wants_usage:
        given = _field(peeked.fields, "stream_options", dict) or {}
        fields["stream_options"] = {**given, "include_usage": True}
    return msgspec.json.encode(fields)


def _field(fields: dict[str, msgspec.Raw], name: str, kind: type) -> Any:
    raw = fields.get(name)
    if raw is None:
        return None
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"'{name}' is not valid JSON: {error}.", key=name) from error
    if value is not None and not isinstance(value, kind):
        names = {str: "a string", bool: "true or false", dict: "an object"}
        raise Invalid(f"'{name}' must be {names[kind]}, not {type(value).__name__}.", key=name)
    return value


def _too_deep(body: bytes) -> bool:
    """A cheap upper bound first; only a body with very many brackets is looked at closely."""
    if body.count(b"[") + body.count(b"{") <= _MAX_DEPTH:
        return False
    depth, quoted, escaped = 0, False, False
    for place, byte in enumerate(body):
        if place % _SLICE == 0:
            # A large body takes long to look through; other requests go on meanwhile.
            gevent.sleep(0)
        if quoted:
            quoted, escaped = escaped or byte != 0x22, byte == 0x5C and not escaped
        elif byte == 0x22:
            quoted = True
        elif byte in b"[{":
            depth += 1
            if depth > _MAX_DEPTH:
                return True
        elif byte in b"]}":
            depth -= 1
    return False


_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
