"""Requests in the words of Xinference's clients, put into those of the engine that answers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from xinfer.domain.dialect import Dialect
from xinfer.errors import Invalid
from xinfer.gateway.peek import Peeked

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
MESSAGES = "/v1/messages"
EMBEDDINGS = "/v1/embeddings"
RERANK = "/v1/rerank"
RESPONSES = "/v1/responses"

_BOUND = "guided_"
_BOUNDS = ("json", "json_object", "regex", "choice", "grammar")
_NO_BOUND = (None, False)
_BOUND_KEYS = frozenset(f"{_BOUND}{kind}" for kind in _BOUNDS)
_BOUND_MANNERS = frozenset({"guided_decoding_backend", "guided_whitespace_pattern"})
_TEMPLATE = "chat_template_kwargs"
_THINKING = ("enable_thinking", "thinking")
_ADAPTER = "lora_name"
_EXTRA = "extra_body"
_IN_EXTRA = _BOUND_KEYS | {_TEMPLATE, _THINKING[0]}
_OURS = _BOUND_KEYS | _BOUND_MANNERS | {_EXTRA, _THINKING[0], _ADAPTER}
_RERANK_ONLY = ("kwargs", "max_chunks_per_doc", "return_len")
_EMPTY_BYTES = 16
"""A list of messages that takes fewer bytes may be empty, and is looked at."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A dialect, and the keys that make a request worth a look."""

    dialect: Dialect
    keys: frozenset[str]


class Dialects:
    """`of` gives the dialect of an engine by its name, None where there is none."""

    def __init__(self, of: Callable[[str], Dialect | None]) -> None:
        self._of = of
        self._known: dict[str, _Known | None] = {}

    def translate(
        self, path: str, body: bytes, peeked: Peeked, engine: str
    ) -> tuple[bytes, Peeked]:
        """Body and fields as the engine understands them; the same objects for most requests.

        Raises Invalid with the key for what this engine cannot keep to, and for a conversation
        without messages, which some engines would go on with.
        """
        if path in (CHAT, MESSAGES):
            _check_messages(peeked)
        known = self._find(engine)
        if known is None:
            return body, peeked
        if path == EMBEDDINGS:
            _check_heeded(peeked, known.dialect, engine)
        if path == RERANK:
            made = _without_nothing(peeked.fields)
        elif path == RESPONSES and "stream" not in peeked.fields:
            # One engine streams unless told.
            made = {**peeked.fields, "stream": False}
        elif path not in (CHAT, COMPLETIONS) or not _is_foreign(peeked, known.keys):
            return body, peeked
        else:
            made = _Translation(known.dialect, engine, path == CHAT).of(peeked.fields)
        body = msgspec.json.encode(made)
        return body, replace(peeked, fields=_FIELDS.decode(body))

    def may_stream(self, engine: str, peeked: Peeked) -> bool:
        """Whether a stream would answer all that was asked."""
        known = self._find(engine)
        return known is None or known.dialect.unstreamed.isdisjoint(peeked.fields)

    def _find(self, engine: str) -> _Known | None:
        if engine not in self._known:
            dialect = self._of(engine)
            self._known[engine] = None
            if dialect is not None:
                own = dialect.names.keys() | dialect.unknown | dialect.gathered
                self._known[engine] = _Known(dialect, _OURS | own)
        return self._known[engine]


class _Translation:
    """One request for one engine."""

    def __init__(self, dialect: Dialect, engine: str, chat: bool) -> None:
        self._dialect = dialect
        self._engine = engine
        self._chat = chat

    def of(self, given: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
        """All fields; values are as they came where nothing changes."""
        fields: dict[str, Any] = dict(given)
        extra = _take(fields, _EXTRA)
        if isinstance(extra, dict):
            for key in _IN_EXTRA & extra.keys():
                fields.setdefault(key, extra[key])
        bounds = {kind: _take(fields, f"{_BOUND}{kind}") for kind in _BOUNDS}
        for key in _BOUND_MANNERS | self._dialect.unknown:
            fields.pop(key, None)
        self._rename(fields)
        self._gather(fields)
        if self._chat:
            _fold_thinking(fields)
        self._bind(fields, bounds)
        adapter = _take(fields, _ADAPTER)
        if adapter and self._dialect.adapter:
            fields[self._dialect.adapter] = adapter
        return fields

    def _rename(self, fields: dict[str, Any]) -> None:
        for theirs, own in self._dialect.names.items():
            if theirs in fields:
                fields.setdefault(own, fields.pop(theirs))

    def _gather(self, fields: dict[str, Any]) -> None:
        found = {key: _take(fields, key) for key in self._dialect.gathered & fields.keys()}
        said = {key: value for key, value in found.items() if value is not None}
        if said and self._dialect.gather:
            fields.update(self._dialect.gather(said, fields))

    def _bind(self, fields: dict[str, Any], bounds: Mapping[str, Any]) -> None:
        asked = {kind: value for kind, value in bounds.items() if value not in _NO_BOUND}
        if len(asked) > 1:
            names = " and ".join(f"{_BOUND}{kind}" for kind in asked)
            raise Invalid(f"{names} cannot be kept to both.", "Give one of them.", key=names)
        for kind, value in asked.items():
            key = f"{_BOUND}{kind}"
            guide = self._dialect.guides.get(kind)
            if guide is None:
                able = ", ".join(f"{_BOUND}{each}" for each in self._dialect.guides)
                raise Invalid(
                    f"{key}: engine '{self._engine}' cannot be held to it.",
                    f"It can to {able}." if able else "Say it in the prompt, or use another.",
                    key=key,
                )
            made = guide(value)
            for own in made:
                if fields.get(own) is not None and _decoded(fields[own]) is not None:
                    raise Invalid(f"{key}: this and '{own}' say the same twice.", key=key)
            fields.update(made)


def _fold_thinking(fields: dict[str, Any]) -> None:
    """Templates ask for one name or the other; what the arguments say already stays."""
    thinking = _take(fields, _THINKING[0])
    arguments = _take(fields, _TEMPLATE)
    if isinstance(arguments, str):
        try:
            arguments = msgspec.json.decode(arguments)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            raise Invalid(f"{_TEMPLATE}: it is not JSON: {error}.", key=_TEMPLATE) from error
    if not isinstance(arguments, dict | None):
        raise Invalid(f"{_TEMPLATE}: it must be an object.", key=_TEMPLATE)
    if thinking is not None:
        if not isinstance(thinking, bool):
            raise Invalid(f"{_THINKING[0]}: it must be true or false.", key=_THINKING[0])
        arguments = {**dict.fromkeys(_THINKING, thinking), **(arguments or {})}
    if arguments is not None:
        fields[_TEMPLATE] = arguments


def _without_nothing(fields: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    """Their client sends every parameter, null or not, and its extra ones twice."""
    return {
        key: value
        for key, value in fields.items()
        if key not in _RERANK_ONLY and bytes(value) != b"null"
    }


def _is_foreign(peeked: Peeked, keys: frozenset[str]) -> bool:
    if not keys.isdisjoint(peeked.fields):
        return True
    arguments = peeked.fields.get(_TEMPLATE)
    return arguments is not None and bytes(arguments).startswith(b'"')


def _check_messages(peeked: Peeked) -> None:
    raw = peeked.fields.get("messages")
    if raw is None or (memoryview(raw).nbytes < _EMPTY_BYTES and not _decoded(raw)):
        raise Invalid("The body has no messages.", 'Add "messages": [...].', key="messages")


def _check_heeded(peeked: Peeked, dialect: Dialect, engine: str) -> None:
    for key in sorted(dialect.unheeded & peeked.fields.keys()):
        if _decoded(peeked.fields[key]) not in _NO_BOUND:
            what = f"{key}: engine '{engine}' does not heed it."
            raise Invalid(what, "Leave it out, or use another engine.", key=key)


def _take(fields: dict[str, Any], key: str) -> Any:
    return _decoded(fields.pop(key, None))


def _decoded(value: Any) -> Any:
    if not isinstance(value, msgspec.Raw):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"The body is not valid JSON: {error}.", key="body") from error


_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
