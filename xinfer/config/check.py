"""A composed tree against the schema: unknown keys, wrong types and bounds, then typed values."""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from xinfer.config import explain
from xinfer.config.origin import Origins
from xinfer.domain.names import did_you_mean

T = TypeVar("T")

_LARGEST: dict[Any, float] = {int: 2**53, float: 1e9}
"""What JSON carries exactly, and more seconds than any wait can last."""
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NAMES: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    list: "a list",
    dict: "a mapping",
}


def field_types(cls: type) -> dict[str, Any]:
    """The keys of a schema class with their types, `X | None` included."""
    return get_type_hints(cls)


def inner(hint: Any) -> tuple[Any, bool]:
    """The type without its `| None`, and whether None is allowed."""
    if get_origin(hint) in (Union, types.UnionType):
        rest = [arg for arg in get_args(hint) if arg is not type(None)]
        return rest[0], True
    return hint, hint is Any


def known_keys(cls: type, prefix: str = "") -> Iterator[str]:
    """The full keys of all nested sections, to point from a wrong place to the right one."""
    for name, hint in field_types(cls).items():
        kind, _ = inner(hint)
        yield f"{prefix}{name}"
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            yield from known_keys(kind, f"{prefix}{name}.")


class Check:
    """Builds typed values out of plain ones; raises Invalid with the place of the first wrong."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins

    def section(self, cls: type[T], given: Any, key: str = "") -> T:
        """An instance of a schema class. None stands for a section left empty."""
        if given is None:
            given = {}
        if not isinstance(given, Mapping):
            raise self._wrong(key, dict, given, str(cls.__doc__))
        hints = field_types(cls)
        fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        values: dict[str, Any] = {}
        for name, value in given.items():
            full = f"{key}.{name}" if key else str(name)
            if name not in hints:
                elsewhere = known_keys(cls, f"{key}." if key else "")
                raise explain.unknown_key(self._origins, full, hints, elsewhere)
            typed = self.value(hints[name], value, full)
            self._bounds(fields[name].metadata, typed, full)
            values[name] = typed
        return cls(**values)

    def value(self, hint: Any, given: Any, key: str) -> Any:
        """`given` as the hinted type; numbers and switches may come as text (from variables)."""
        kind, optional = inner(hint)
        if kind is Any or (given is None and optional):
            return given
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            return self.section(kind, given, key)
        origin = get_origin(kind)
        if origin is list:
            if not isinstance(given, list):
                raise self._wrong(key, list, given)
            (item,) = get_args(kind)
            return [self.value(item, one, f"{key}[{i}]") for i, one in enumerate(given)]
        if origin is dict:
            if given is not None and not isinstance(given, Mapping):
                raise self._wrong(key, dict, given)
            _, item = get_args(kind)
            pairs = (given or {}).items()
            return {str(name): self.value(item, one, f"{key}.{name}") for name, one in pairs}
        return self._scalar(kind, given, key)

    def _scalar(self, kind: Any, given: Any, key: str) -> Any:
        typed: Any = None
        if kind is bool:
            typed = given if isinstance(given, bool) else _WORDS.get(str(given).lower())
        elif kind is str:
            is_text = isinstance(given, str | int | float) and not isinstance(given, bool)
            typed = str(given) if is_text else None
        elif isinstance(given, str | int | float) and not isinstance(given, bool):
            typed = _number(kind, given)
        if typed is None:
            raise self._wrong(key, kind, given)
        if kind in _LARGEST and abs(typed) > _LARGEST[kind]:
            raise explain.at_key(self._origins, key, f"{given} is far too large.")
        return typed

    def _bounds(self, metadata: Mapping[str, Any], value: Any, key: str) -> None:
        minimum, maximum = metadata.get("minimum"), metadata.get("maximum")
        choices = metadata.get("choices")
        what = ""
        if minimum is not None and value is not None and not value >= minimum:
            what = f"{value:g} is less than {minimum:g}."
        if maximum is not None and value is not None and not value <= maximum:
            what = f"{value:g} is more than {maximum:g}."
        if what:
            raise explain.at_key(self._origins, key, what, metadata["doc"])
        if choices and value is not None and value not in choices:
            what = f"'{value}' is not one of {', '.join(choices)}."
            raise explain.at_key(self._origins, key, what, did_you_mean(value, choices))

    def _wrong(self, key: str, kind: Any, given: Any, hint: str = "") -> Exception:
        shown = "nothing" if given is None else repr(given)
        what = f"expected {_NAMES[kind]}, got {shown}"
        what += f" ({_NAMES[type(given)]})." if type(given) in _NAMES else "."
        if kind is str and isinstance(given, bool):
            hint = "Put it in quotes."
        return explain.at_key(self._origins, key, what, hint)


def _number(kind: Any, given: str | int | float) -> Any:
    try:
        if kind is float:
            return float(given) if math.isfinite(float(given)) else None
        return int(given) if isinstance(given, str) or float(given).is_integer() else None
    except (ValueError, OverflowError):
        return None
