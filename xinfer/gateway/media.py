"""Which images, sounds, videos and files a request may name: an engine would open or fetch them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from xinfer.errors import Invalid

_NAMED = re.compile(rb'"(?:image|audio|video|input_|file|document"|adapters"|draft_model")')
_SPELLED = re.compile(rb"\\u00[2-7]")
"""Without either of these a body names nothing to be read. Keys can be spelled with escapes, too,
which nobody does with letters, digits and signs of ASCII.
"""

_KEY = re.compile(
    r"(?:input_)?(?:image|audio|video)s?(?:_(?:url|uri|path|data|file|embeds|pil))?s?"
)
_TYPE = re.compile(r"image|audio|video|file|document")
_LOADED = ("adapters", "draft_model")
"""Keys of a whole body: MLX's server loads what they name, from its disk or from a hub."""

_SCHEMAS = (
    *("tools", "functions", "tool_calls", "function_call"),
    *("response_format", "structured_outputs", "guided_json", "json_schema", "metadata"),
)
"""Where names are the caller's own and nothing is opened."""

_WORDS = (
    *("type", "text", "detail", "format", "voice", "mime_type", "media_type"),
    *("name", "filename", "id", "file_id", "uuid", "title", "context", "transcript"),
)
"""Keys within a part that hold words."""

_INLINE = re.compile(r"[A-Za-z0-9+_-][A-Za-z0-9+/_-]{63,}={0,2}|[A-Za-z0-9+/_-]{4097,}={0,2}")
"""Base64 that cannot be taken for the path of a file: those have 4096 characters at most."""

_URL = re.compile(
    r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?(?:/[!-?A-\[\]-~]*)?", re.IGNORECASE
)
"""As every reader of a URL reads it: no user before the host, no `@`, backslash, space or sign
beyond ASCII anywhere, and nothing but a slash after the host.
"""

_FILE = re.compile(r"file://(/[!$->@-\[\]-~]*)")
_PORTS = {"http": "80", "https": "443"}


class _Pairs(list[tuple[str, Any]]):
    """An object with every key that was sent: of two equal ones engines may take either."""

    def types(self) -> set[str]:
        """What it says that it is."""
        return {each for key, each in self if key == "type" and isinstance(each, str)}


class Media:
    """`hosts` may be fetched from: names or addresses, `host:port` if not at the usual port. Below
    `roots`, absolute folders, files may be named.

    Names are compared, never looked up: an engine does that, and goes where it is sent from there.
    Whoever lists a host trusts it with both.
    """

    def __init__(self, hosts: Iterable[str] = (), roots: Iterable[str] = ()) -> None:
        self._hosts = frozenset(host.lower().replace("[", "").replace("]", "") for host in hosts)
        self._roots = tuple(roots)

    def check(self, body: bytes) -> None:
        """Raises Invalid for a JSON body that names what it may not, with the place as `key`.

        Of a body without media only the bytes are searched. The body must not nest deeply.
        """
        if not (_NAMED.search(body) or _SPELLED.search(body)):
            return
        try:
            document = json.loads(body.decode(), object_pairs_hook=_Pairs)
        except (ValueError, RecursionError) as error:
            raise Invalid(f"The body is not valid JSON: {error}.", key="body") from error
        for place, reference in _references(document, ""):
            if not self.allows(reference):
                raise Invalid(
                    f"{place}: it names a file or an address that may not be read from here:"
                    f" {reference[:80]!r}.",
                    "Send the content itself as data:…;base64,…, or let an administrator allow"
                    " it by gateway.media_hosts or gateway.media_roots.",
                    key=place,
                )

    def allows(self, reference: str) -> bool:
        """Whether an engine may be given this in the place of an image, a sound, a video or file.

        Content itself always is: `data:` URLs, and Base64 that no file could be called.
        """
        if reference.startswith("data:"):
            # Some readers tidy a text as if it were a path before they look at what it begins with.
            return "/../" not in reference
        if _INLINE.fullmatch(reference):
            return True
        file = _FILE.fullmatch(reference)
        if file:
            return self._is_below(unquote(file[1]))
        url = _URL.fullmatch(reference.lower())
        return url is not None and self._is_host(url[1], url[2].strip("[]").rstrip("."), url[3])

    def _is_host(self, scheme: str, host: str, port: str | None) -> bool:
        usual = _PORTS[scheme]
        if f"{host}:{port or usual}" in self._hosts:
            return True
        return port in {None, usual} and host in self._hosts

    def _is_below(self, path: str) -> bool:
        # What is still written with % a second reader could take for something else.
        if "%" in path or "\0" in path or ".." in PurePosixPath(path).parts:
            return False
        return any(PurePosixPath(path).is_relative_to(root) for root in self._roots)


def _references(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every text that stands where a part of a message names its content."""
    if isinstance(value, _Pairs):
        is_part = any(_TYPE.search(each) for each in value.types())
        for key, each in value:
            inner = f"{place}.{key}" if place else key
            if _is_said(value, key, each):
                continue
            if is_part or _KEY.fullmatch(key) or (not place and key in _LOADED):
                if key not in _WORDS:
                    yield from _texts(each, inner)
            elif key not in _SCHEMAS:
                yield from _references(each, inner)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _references(each, f"{place}[{index}]")


def _is_said(part: _Pairs, key: str, value: Any) -> bool:
    """What Anthropic's clients say in words: a document that is text, and how a tool was called."""
    if key == "source" and part.types() == {"document"}:
        return isinstance(value, _Pairs) and value.types() == {"text"}
    return key == "input" and part.types() == {"tool_use"}


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, _Pairs):
        for key, each in value:
            if key not in _WORDS:
                yield from _texts(each, f"{place}.{key}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, f"{place}[{index}]")
