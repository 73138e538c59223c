"""A composed recipe as YAML, each value with its origin in a comment; itself a valid recipe."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from xinfer.config.compose import Composed
from xinfer.config.origin import DEFAULT, Origins
from xinfer.config.secret import MASK, is_secret, without_password

_PLAIN = re.compile(r"[A-Za-z_/~.][A-Za-z0-9_./:@-]*[A-Za-z0-9_/]\Z|[A-Za-z_]\Z")
_NOT_TEXT = ("true", "false", "null", "yes", "no", "on", "off")
_COLUMN = 52


def render(composed: Composed) -> str:
    """The text for people. Secrets show as `***`; what was left at null is left out."""
    return "\n".join(_lines(asdict(composed.config), "", 0, composed.origins)) + "\n"


def _lines(tree: dict[str, Any], parent: str, depth: int, origins: Origins) -> Iterator[str]:
    for name, value in tree.items():
        key = f"{parent}.{name}" if parent else name
        if value is None and origins.of(key) is DEFAULT:
            continue
        start = f"{'  ' * depth}{_scalar(name)}:"
        if isinstance(value, dict) and value:
            yield start
            yield from _lines(value, key, depth + 1, origins)
        else:
            text = f"{start} {_flow(value, key)}"
            yield f"{text:<{_COLUMN}}  # {origins.of(key).place}"


def _flow(value: Any, key: str) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_flow(item, key) for item in value)}]"
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, str) and value and is_secret(key):
        return json.dumps(MASK)
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        text = without_password(value)
        is_plain = _PLAIN.match(text) and text.lower() not in _NOT_TEXT and ": " not in text
        return text if is_plain else json.dumps(text, ensure_ascii=False)
    return json.dumps(value)
