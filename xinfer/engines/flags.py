"""Checked options as words of a command line."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from xinfer.domain.model import JsonValue
from xinfer.domain.options import Option

_NO_NAMES: Mapping[str, str] = MappingProxyType({})


def render(
    options: Iterable[Option],
    values: Mapping[str, JsonValue],
    *,
    names: Mapping[str, str] = _NO_NAMES,
    switches: Collection[str] = (),
    joined: Collection[str] = (),
) -> list[str]:
    """The `values` of `options` as flags, in the order of `options`; other values are left out.

    A flag is the option's name with dashes, or `names[option]`, without its leading dashes. False
    becomes `--no-flag`, or nothing for an option in `switches`, whose flag can only turn it on. A
    list follows its flag as one word each, or as a single word with commas if it is in `joined`;
    an empty one is left out. A dict is written as JSON.
    """
    words: list[str] = []
    for option in options:
        value = values.get(option.name)
        if value is None or value == []:
            continue
        flag = names.get(option.name, option.name.replace("_", "-"))
        if value is False and option.name in switches:
            continue
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, list) and option.name not in joined:
            words += [f"--{flag}", *map(_word, value)]
        else:
            words += _pair(flag, _word(value))
    return words


def _pair(flag: str, word: str) -> list[str]:
    """One word where the value could be taken for another flag."""
    return [f"--{flag}={word}"] if word.startswith("-") else [f"--{flag}", word]


def _word(value: JsonValue) -> str:
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"))
    if isinstance(value, list):
        return ",".join(map(_word, value))
    return str(value)
