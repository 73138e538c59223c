"""Overrides of the command line, in Hydra's grammar, resolved against the schema.

`key=value` changes, `+key=value` adds, `++key=value` does either, `~key` removes. Unlike in Hydra
a uid or an engine may contain dots (`models.qwen2.5.replicas=2`, `engine.llama.cpp.env=managed`),
and keys of open mappings (`engine_kwargs`, `env`, `labels`) need no `+`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override as HydraOverride
from hydra.errors import HydraException

from xinfer.config import explain
from xinfer.config.check import field_types, inner
from xinfer.config.origin import Origin, OriginKind, Origins
from xinfer.config.schema import Recipe
from xinfer.config.secret import MASK, is_secret, without_password
from xinfer.domain.names import did_you_mean
from xinfer.errors import Invalid

_FORM = re.compile(r"(?P<mark>\+\+|\+|~|)(?P<key>[^=+~][^=]*)(?P<rest>=.*)?\Z", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """`mark` is "", "+", "++" or "~"; `hydra` is set where it may choose a config group."""

    text: str
    mark: str
    key: str
    value: Any
    hydra: HydraOverride | None = None

    @property
    def place(self) -> str:
        """For people: a mapping is cut short and a secret masked."""
        start = f"command line: {self.mark}{self.key}"
        if isinstance(self.value, dict) or is_secret(self.key):
            return f"{start}={MASK if is_secret(self.key) else '{…}'}"
        return f"command line: {without_password(self.text)}"


def parse(text: str) -> Override:
    """Read one override. Raises Invalid for what is not of the grammar."""
    form = _FORM.match(text)
    if form is None or (form["rest"] is None and form["mark"] != "~"):
        raise _malformed(text, "it is not of the form key=value")
    key = form["key"].strip()
    # Hydra's grammar takes no dotted uids, so a dotted key is ours and only its value Hydra's.
    dotted = "." in key
    rule = f"{form['mark']}value{form['rest'] or ''}" if dotted else text
    try:
        parsed = OverridesParser.create().parse_override(rule)
    except HydraException as error:
        reason = str(error).splitlines()[0].partition(" expecting ")[0]
        raise _malformed(text, reason) from None
    if parsed.is_sweep_override():
        raise _malformed(text, "it gives several values")
    value = parsed.value()
    return Override(
        text=text,
        mark=form["mark"],
        key=key,
        value=value,
        hydra=None if dotted or isinstance(value, dict) else parsed,
    )


def _malformed(text: str, reason: str) -> Invalid:
    if "=" not in text and text.endswith((".yaml", ".yml")):
        hint = "One recipe at a time; one builds on others by its `defaults:`."
        return explain.at("command line", "", f"{text!r} is a second recipe.", hint)
    hint = "Write key=value. Quote spaces and commas: 'key=\"a, b\"'. A list is 'key=[a,b]'."
    return explain.at("command line", "", f"cannot read the override {text!r}: {reason}.", hint)


def layer(override: Override, tree: Mapping[str, Any], origins: Origins) -> dict[str, Any]:
    """The override as a tree of its own, to be merged over `tree`. Raises Invalid if it may not."""
    path = _path(override, tree)
    key = ".".join(path)
    _refuse(override, path, tree, origins)
    nested: Any = override.value
    for name in reversed(path):
        nested = {name: nested}
    folder = Path.cwd()
    origin = Origin(kind=OriginKind.COMMAND_LINE, place=override.place, folder=folder)
    origins.update(dict.fromkeys((key, *_below(key, override.value)), origin))
    return dict(nested)


def remove(override: Override, tree: dict[str, Any], origins: Origins) -> None:
    """Take a key out of `tree`: a model is gone, a setting is back at its default."""
    path = _path(override, tree)
    parent: Any = tree
    for name in path[:-1]:
        parent = parent.get(name) if isinstance(parent, dict) else None
    if not isinstance(parent, dict) or path[-1] not in parent:
        known = parent if isinstance(parent, dict) else ()
        what = "there is nothing to remove."
        raise explain.at(override.place, override.key, what, did_you_mean(path[-1], known))
    del parent[path[-1]]
    origins.forget(".".join(path))


def _refuse(
    override: Override, path: tuple[str, ...], tree: Mapping[str, Any], origins: Origins
) -> None:
    key = ".".join(path)
    if path[0] == "models" and len(path) > 1 and not override.mark:
        uids = tree["models"]
        if path[1] not in uids:
            hint = did_you_mean(path[1], uids)
            hint += f" To add a model put a plus in front: +{override.text}"
            what = f"there is no model '{path[1]}' to change."
            raise explain.at(override.place, f"models.{path[1]}", what, hint.strip())
    if override.mark == "+" and not isinstance(override.value, dict) and origins.any_below(key):
        what = f"it is already set ({origins.nearest(key).place})."
        raise explain.at(override.place, key, what, "Drop the + to change it.")


def _path(override: Override, tree: Mapping[str, Any]) -> tuple[str, ...]:
    """Split the dotted key by what exists and what the schema knows."""
    parts = override.key.split(".")
    path: list[str] = []
    hint: Any = Recipe
    node: Any = tree
    while parts:
        kind, _ = inner(hint)
        here = node if isinstance(node, Mapping) else {}
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            name, hint = _field(override, kind, [*path, parts[0]])
            taken = 1
        elif get_origin(kind) is dict or kind is Any:
            hint = get_args(kind)[1] if get_origin(kind) is dict else Any
            taken = _span(parts, here, hint)
            name = ".".join(parts[:taken])
        else:
            what = f"'{'.'.join(path)}' has no keys below it."
            hint = "Give a list whole: key=[a,b]." if get_origin(kind) is list else ""
            raise explain.at(override.place, override.key, what, hint)
        path.append(name)
        node = here.get(name)
        parts = parts[taken:]
    return tuple(path)


def _field(override: Override, kind: type, path: list[str]) -> tuple[str, Any]:
    hints = field_types(kind)
    if path[-1] not in hints:
        what, hint = explain.unknown(".".join(path), hints)
        raise explain.at(override.place, ".".join(path), what, hint)
    return path[-1], hints[path[-1]]


def _span(parts: list[str], here: Mapping[str, Any], hint: Any) -> int:
    """How many parts make up the next name: the longest known one, else as the schema splits."""
    for count in range(len(parts), 0, -1):
        if ".".join(parts[:count]) in here:
            return count
    kind, _ = inner(hint)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        fields = field_types(kind)
        cuts = (count for count in range(1, len(parts)) if parts[count] in fields)
        return next(cuts, 1)
    return 1 if kind is Any else len(parts)


def _below(key: str, value: Any) -> list[str]:
    if isinstance(value, dict):
        return [
            name
            for child, one in value.items()
            for name in (f"{key}.{child}", *_below(f"{key}.{child}", one))
        ]
    if isinstance(value, list):
        return [f"{key}[{index}]" for index in range(len(value))]
    return []
