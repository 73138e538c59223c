"""Typed, documented engine options: one description serves validation, help, schema and docs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xinfer.domain.model import JsonValue
from xinfer.domain.names import did_you_mean
from xinfer.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One engine option.

    `type` is one of bool, int, float, str, list[str], list[float], dict. `choices` limits a str.
    `minimum` and `maximum` limit a number (inclusive). `default` None means that the engine or the
    machine decides; `doc` is one sentence with the unit. `aliases` are other spellings that are
    accepted.
    """

    name: str
    type: str
    doc: str
    default: JsonValue = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    aliases: tuple[str, ...] = ()


def check_options(
    engine: str, options: Iterable[Option], given: Mapping[str, JsonValue], key: str = ""
) -> dict[str, JsonValue]:
    """Return `given` with canonical names and coerced values.

    Raises Invalid for an unknown name (with the nearest) or a wrong type; `key` is the dotted key
    that `given` stands under, used in messages.
    """
    by_name = {
        spelling: option for option in options for spelling in (option.name, *option.aliases)
    }
    checked: dict[str, JsonValue] = {}
    for name, value in given.items():
        full = f"{key}.{name}" if key else name
        option = by_name.get(name) or by_name.get(name.replace("-", "_"))
        if option is None:
            raise Invalid(
                f"{full}: engine '{engine}' has no option '{name}'.",
                did_you_mean(name, by_name),
                key=full,
            )
        if option.name in checked:
            raise Invalid(f"{full}: option '{option.name}' is given twice.", key=full)
        if value is not None:
            checked[option.name] = _coerce(option, value, full)
    return checked


def _coerce(option: Option, value: JsonValue, key: str) -> JsonValue:
    coerced = _as_type(option.type, value)
    if coerced is None:
        raise Invalid(
            f"{key}: expected {option.type}, got {type(value).__name__} ({value!r}).",
            option.doc,
            key=key,
        )
    if option.choices and coerced not in option.choices:
        raise Invalid(
            f"{key}: {coerced!r} is not one of {', '.join(option.choices)}.",
            did_you_mean(str(coerced), option.choices),
            key=key,
        )
    if option.minimum is not None and coerced < option.minimum:
        raise Invalid(f"{key}: {coerced} is less than {option.minimum:g}.", option.doc, key=key)
    if option.maximum is not None and coerced > option.maximum:
        raise Invalid(f"{key}: {coerced} is more than {option.maximum:g}.", option.doc, key=key)
    return coerced


def _as_type(kind: str, value: JsonValue) -> JsonValue:
    """`value` as `kind`, or None if it is of another type. Numbers as text are taken as numbers."""
    if kind.startswith("list[") and isinstance(value, list | tuple):
        inner = [_as_type(kind[5:-1], item) for item in value]
        return None if None in inner else inner
    if kind == "dict":
        return dict(value) if isinstance(value, Mapping) else None
    if kind == "bool":
        return value if isinstance(value, bool) else _BOOLEANS.get(str(value).lower())
    if kind == "str":
        is_scalar = isinstance(value, str | int | float) and not isinstance(value, bool)
        return str(value) if is_scalar else None
    if isinstance(value, bool):
        return None
    return _as_number(kind, value)


_LARGEST = 2**53
"""Of numbers: what JSON carries exactly; and neither endless nor no number at all."""
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _as_number(kind: str, value: JsonValue) -> JsonValue:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if not abs(number) <= _LARGEST:
        return None
    if not math.isfinite(number):
        return None
    if kind == "float":
        return number
    if kind == "int" and number.is_integer():
        return int(number)
    return None
