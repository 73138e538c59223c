"""Token counts from replies, without parsing the replies."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from xinfer.gateway.naming import Naming

_KEY = b'"usage"'
_DECODER = json.JSONDecoder()
_MAX_USAGE = 4096
_CLOSING = b"[DONE]"
_END_BYTES = 32
_IN = ("prompt_tokens", "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_OUT = ("completion_tokens", "output_tokens")
"""OpenAI's names, and Anthropic's, which count what was cached apart."""


@dataclass(slots=True)
class Usage:
    """Tokens of one request as the engine counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


def find_usage(body: bytes) -> Usage | None:
    """The last usage object in a piece of JSON text; None when there is none.

    Quotes inside JSON strings are escaped, so the bare key can only be a key.
    """
    end = len(body)
    while (place := body.rfind(_KEY, 0, end)) >= 0:
        found = _read(body[place + len(_KEY) : place + _MAX_USAGE])
        if found is not None:
            return found
        end = place
    return None


def _read(text: bytes) -> Usage | None:
    start = text.lstrip()
    if not start.startswith(b":"):
        return None
    try:
        value, _ = _DECODER.raw_decode(start[1:].lstrip().decode(errors="replace"))
        return Usage(prompt_tokens=_sum(value, _IN), completion_tokens=_sum(value, _OUT))
    except (ValueError, AttributeError, TypeError, OverflowError):
        return None


def _sum(counts: dict[str, Any], names: tuple[str, ...]) -> int:
    return sum(max(0, int(counts.get(name) or 0)) for name in names)


class StreamTail:
    """Passes whole server-sent events through and takes the usage chunk out of them.

    `naming` names the model in each event. Feed it pieces of a stream in any cut; what it returns,
    joined, is the stream without the chunk that only carries usage (kept when `keep`). An event is
    held back until it is complete, which costs a client nothing: half an event is of no use.
    `close` ends the stream as clients expect it.
    """

    def __init__(self, *, keep: bool, naming: Naming, close: bool = True) -> None:
        self._keep = keep
        self._close = close
        self._end = b""
        self._naming = naming
        self._rest = b""
        self.usage: Usage | None = None
        self.events = 0

    def feed(self, piece: bytes) -> bytes:
        """Whole events so far, maybe none."""
        if not self._rest and piece.endswith(b"\n\n"):
            return self._pass(piece)
        data = self._rest + piece
        cut = _last_boundary(data)
        self._rest = data[cut:]
        return self._pass(data[:cut])

    def finish(self) -> bytes:
        """What is left when the stream has ended without a blank line, and the closing event that
        clients wait for, where an engine leaves it out.
        """
        rest, self._rest = self._rest, b""
        last = self._pass(rest)
        if not self._close or _CLOSING in self._end or not self.events:
            return last
        return (last and last.rstrip() + b"\n\n") + b"data: " + _CLOSING + b"\n\n"

    def _pass(self, whole: bytes) -> bytes:
        self.events += whole.count(b"data:")
        self._end = whole[-_END_BYTES:] or self._end
        if self._naming:
            whole = self._naming(whole)
        if _KEY not in whole:
            return whole
        return b"".join(event for event in _split(whole) if self._take(event))

    def _take(self, event: bytes) -> bool:
        """Note the usage in one event; whether the event is to be passed on."""
        if _KEY not in event:
            return True
        found = find_usage(event)
        if found is None:
            return True
        # Anthropic's streams count the prompt at their beginning, and the reply at their end.
        self.usage = _more(self.usage, found)
        return self._keep or b'"choices":[]' not in event.replace(b" ", b"")


def _more(before: Usage | None, found: Usage) -> Usage:
    if before is None:
        return found
    return Usage(
        prompt_tokens=max(before.prompt_tokens, found.prompt_tokens),
        completion_tokens=max(before.completion_tokens, found.completion_tokens),
    )


def _last_boundary(data: bytes) -> int:
    """Where the last complete event ends; 0 when none does."""
    plain, windows = data.rfind(b"\n\n"), data.rfind(b"\r\n\r\n")
    return max(plain + 2 if plain >= 0 else 0, windows + 4 if windows >= 0 else 0)


def _split(whole: bytes) -> list[bytes]:
    mark = b"\r\n\r\n" if b"\r\n\r\n" in whole else b"\n\n"
    parts = whole.split(mark)
    last = parts.pop()
    events = [part + mark for part in parts]
    return [*events, last] if last else events
