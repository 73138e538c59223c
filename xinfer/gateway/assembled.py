"""One document out of a stream: what a client gets who asked for a whole reply, where the engine
was asked for a stream since it notices in no other way that nobody waits any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from xinfer.gateway.dialects import CHAT, MESSAGES, RESPONSES

_DATA = b"data:"
_DONE = b"[DONE]"
_JOINED = frozenset({"content", "reasoning_content", "refusal", "text", "arguments"})
"""Texts that come in pieces; any other text is said once."""

Document = dict[str, Any]


class Broken(Exception):
    """The engine ended its stream with an error; `error` is the body that says so."""

    def __init__(self, status: int, error: Document) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


class Assembly:
    """The whole reply to a request of `fields`; it grows while its stream arrives."""

    def __init__(self, path: str, fields: Mapping[str, msgspec.Raw]) -> None:
        self._rest = b""
        self._made: _Response | _Message | _Completion
        if path == RESPONSES:
            self._made = _Response()
        elif path == MESSAGES:
            self._made = _Message()
        else:
            several = msgspec.json.decode(fields.get("n") or b"1")
            self._made = _Completion(path == CHAT, several if isinstance(several, int) else 1)

    def feed(self, piece: bytes) -> None:
        """The stream's next piece, in any cut. Raises Broken."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._take(line)

    def finish(self) -> bytes:
        """The reply in JSON, once the stream has ended. Raises Broken."""
        self._take(self._rest)
        return msgspec.json.encode(self._made.whole())

    def _take(self, line: bytes) -> None:
        said = line.removeprefix(_DATA).strip()
        if not line.startswith(_DATA) or said == _DONE:
            return
        event = msgspec.json.decode(said)
        if not isinstance(event, dict):
            return
        if error := event.get("error"):
            code = error.get("code") if isinstance(error, dict) else None
            status = code if isinstance(code, int) and 400 <= code < 600 else 500
            raise Broken(status, {"error": error})
        self._made.add(event)


class _Completion:
    """`several` replies to each prompt; each choice is counted by itself, with its prompt."""

    def __init__(self, is_chat: bool, several: int) -> None:
        self._is_chat = is_chat
        self._several = max(1, several)
        self._made: Document = {}
        self._choices: dict[int, Document] = {}
        self._counted: list[Document] = []

    def add(self, event: Document) -> None:
        for choice in event.pop("choices", ()):
            _merge(self._choices.setdefault(choice.get("index", 0), {}), choice)
        if usage := event.pop("usage", None):
            self._counted.append(usage)
        self._made |= event

    def whole(self) -> Document:
        if not self._choices:
            raise _cut()
        choices = [self._choices[index] for index in sorted(self._choices)]
        made = {**self._made, "choices": choices}
        made["object"] = "chat.completion" if self._is_chat else "text_completion"
        if self._is_chat:
            for choice in choices:
                choice["message"] = _spoken(choice.pop("delta", {}))
        if self._counted:
            made["usage"] = _sum(self._counted, self._several)
        return made


def _sum(counted: list[Document], several: int) -> Document:
    if len(counted) == 1:
        return counted[0]
    read = sum(one.get("prompt_tokens") or 0 for one in counted) // several
    written = sum(one.get("completion_tokens") or 0 for one in counted)
    sums = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    return {**counted[0], **sums}


def _merge(whole: Document, part: Mapping[str, Any]) -> None:
    """Put the next part of a choice, a message or a call to what was said before."""
    for key, value in part.items():
        before = whole.get(key)
        if isinstance(value, dict):
            if not isinstance(before, dict):
                before = whole[key] = {}
            _merge(before, value)
        elif isinstance(value, list):
            if not isinstance(before, list):
                before = whole[key] = []
            _extend(before, value)
        elif isinstance(value, str) and isinstance(before, str) and key in _JOINED:
            whole[key] = before + value
        elif value is not None or key not in whole:
            whole[key] = value


def _extend(whole: list[Any], more: list[Any]) -> None:
    """Parts that have an index belong to the one of that index; others follow."""
    for part in more:
        index = part.get("index") if isinstance(part, dict) else None
        known = next((one for one in whole if index is not None and one["index"] == index), None)
        if known is not None:
            _merge(known, part)
        elif isinstance(part, dict):
            copy: Document = {}
            _merge(copy, part)
            whole.append(copy)
        else:
            whole.append(part)


def _spoken(message: Document) -> Document:
    """A message as it is in a whole reply: there its calls have no index."""
    calls = message.get("tool_calls") or ()
    for call in calls:
        call.pop("index", None)
    if message.get("content") is None and not calls:
        message["content"] = ""
    return {"role": "assistant", "content": None, **message}


class _Response:
    """Its last event carries all of it."""

    def __init__(self) -> None:
        self._made: Document | None = None

    def add(self, event: Document) -> None:
        response = event.get("response")
        if isinstance(response, dict) and "output" in response:
            self._made = response

    def whole(self) -> Document:
        if self._made is None:
            raise _cut()
        return self._made


class _Message:
    """Anthropic's: blocks of content within a frame."""

    def __init__(self) -> None:
        self._made: Document | None = None
        self._blocks: dict[int, Document] = {}

    def add(self, event: Document) -> None:
        match event.get("type"):
            case "message_start":
                self._made = event["message"]
            case "content_block_start":
                self._blocks[event["index"]] = event["content_block"]
            case "content_block_delta":
                _add(self._blocks[event["index"]], event["delta"])
            case "message_delta" if self._made is not None:
                usage = {**self._made.get("usage", {}), **event.get("usage", {})}
                self._made |= {**event["delta"], "usage": usage}

    def whole(self) -> Document:
        if self._made is None:
            raise _cut()
        content = [_closed(self._blocks[index]) for index in sorted(self._blocks)]
        return {**self._made, "content": content}


def _cut() -> Broken:
    said = {"message": "The engine's stream ended before it had said anything."}
    return Broken(500, {"error": {**said, "type": "engine_error", "param": None, "code": None}})


def _add(block: Document, delta: Document) -> None:
    for key, value in delta.items():
        if key == "type":
            continue
        name = "input" if key == "partial_json" else key
        before = block.get(name)
        block[name] = before + value if isinstance(before, str) else value


def _closed(block: Document) -> Document:
    """A tool's input comes as pieces of JSON."""
    if isinstance(block.get("input"), str):
        block["input"] = msgspec.json.decode(block["input"] or "{}")
    return block
