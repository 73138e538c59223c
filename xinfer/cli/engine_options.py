"""Engine options on the command line: any `--key value` that is not an option of `launch`."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from typing import Any

import click

_WORDS = {"none": None, "null": None, "true": True, "false": False}


def coerce(text: str) -> Any:
    """The value that a word stands for: None, a boolean, a number, JSON, or the text itself."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for convert in (int, float):
        # Python alone reads 1_000 as a number; "0_5" is a size and "nan" a name.
        if text[-1:].isdigit() and "_" not in text:
            try:
                return convert(text)
            except ValueError:
                continue
    if text[:1] in ("{", "[", '"'):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def parse_options(words: Sequence[str], own: Iterable[str]) -> dict[str, Any]:
    """Pair up `--key value`, `--key=value` and bare `--key` (true).

    `own` are the options of the command itself. Raises UsageError for a word that belongs to no
    key, and for a key that is an own option mistyped.
    """
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--") or len(word) < 3:
            raise click.UsageError(
                f"'{word}' belongs to no option. Engine options are given as --key value."
            )
        key, has_value, value = word.partition("=")
        _refuse_mistyped(key, own)
        if not has_value:
            value = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
        name = key[2:].replace("-", "_")
        if name in found:
            raise click.UsageError(f"{key} is given twice.")
        found[name] = coerce(value)
    return found


def _refuse_mistyped(key: str, own: Iterable[str]) -> None:
    near = difflib.get_close_matches(key, own, n=1, cutoff=0.85)
    if near:
        raise click.UsageError(f"No such option {key}. Did you mean {near[0]}?")
