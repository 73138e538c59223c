"""A YAML file as plain data with the line of every key.

YAML 1.2 scalars, so that `on`, `no` and `1:30` stay text; keys are always text; a key given twice,
an unknown tag or an alias that contains itself is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from xinfer.config import explain
from xinfer.config.paths import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """`lines` gives the line (from 1) of every dotted key, list items as `key[0]`."""

    path: Path
    text: str
    data: dict[str, Any]
    lines: Mapping[str, int]


def read_document(path: Path) -> Document:
    """Read a YAML mapping. Raises Invalid for all that can be wrong with a file."""
    name = shown(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise explain.unreadable(path, error) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise explain.not_text(name, line, raw[error.start]) from None
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise explain.syntax(name, text, error) from None
    except RecursionError:
        raise explain.too_deep(name) from None
    if node is None:
        raise explain.empty(name)
    if not isinstance(node, yaml.MappingNode):
        raise explain.not_a_mapping(name, _line(node))
    builder = _Builder(name)
    try:
        data = builder.value(node, "")
    except RecursionError:
        raise explain.too_deep(name) from None
    return Document(path=path, text=text, data=data, lines=builder.lines)


_MAX_VALUES = 100_000
"""Of one file with its aliases followed: far above any recipe, far below what fills a memory."""
_MAX_INT, _MAX_DIGITS = 2**63 - 1, 30
_CORE_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_CORE_TAG}merge"
_INT = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(
    r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z"
)
_CORE = (
    ("null", re.compile(r"(~|null|Null|NULL|)\Z"), ("~", "n", "N", "")),
    ("bool", re.compile(r"(true|True|TRUE|false|False|FALSE)\Z"), tuple("tTfF")),
    ("int", _INT, tuple("-+0123456789")),
    ("float", _FLOAT, tuple("-+.0123456789")),
    ("merge", re.compile(r"<<\Z"), ("<",)),
)


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """The form that PyYAML wants: by first letter of the scalar."""
    table: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for tag, pattern, letters in _CORE:
        for letter in letters:
            table.setdefault(letter, []).append((f"{_CORE_TAG}{tag}", pattern))
    return table


class _Loader(yaml.SafeLoader):
    """Resolves the scalars of YAML 1.2's core schema and nothing else."""

    yaml_implicit_resolvers = _resolvers()


class _Builder:
    """Turns nodes into data and notes the line of every key on the way."""

    def __init__(self, name: str) -> None:
        self.lines: dict[str, int] = {}
        self._name = name
        self._open: list[yaml.Node] = []
        self._count = 0

    def value(self, node: yaml.Node, key: str) -> Any:
        self._count += 1
        if self._count > _MAX_VALUES:
            what = f"with its aliases followed the file has more than {_MAX_VALUES} values."
            raise explain.at_line(self._name, _line(node), key, what)
        if any(node is parent for parent in self._open):
            raise explain.at_line(self._name, _line(node), key, "the alias contains itself.")
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode) and node.tag == f"{_CORE_TAG}map":
                return self._mapping(node, key)
            if isinstance(node, yaml.SequenceNode) and node.tag == f"{_CORE_TAG}seq":
                return self._sequence(node, key)
            if isinstance(node, yaml.ScalarNode):
                return self._scalar(node, key)
            raise self._unfit(node, key)
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.MappingNode, key: str) -> dict[str, Any]:
        merges = [value for name, value in node.value if name.tag == _MERGE]
        merged = self._merged(merges, key)
        own: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                continue
            line = _line(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                raise explain.at_line(self._name, line, key, "a key must be plain text.")
            name = str(key_node.value)
            full = f"{key}.{name}" if key else name
            if name in own:
                raise explain.duplicate(self._name, line, full, first[name])
            first[name] = line
            own[name] = self.value(value_node, full)
            self.lines[full] = line
        return merged | own

    def _merged(self, merges: list[yaml.Node], key: str) -> dict[str, Any]:
        """The mappings under `<<`; of two with the same key the first one counts."""
        merged: dict[str, Any] = {}
        for node in merges:
            for part in node.value if isinstance(node, yaml.SequenceNode) else [node]:
                value = self.value(part, key)
                if not isinstance(value, dict):
                    raise explain.at_line(self._name, _line(part), key, "<< needs a mapping.")
                merged = value | merged
        return merged

    def _sequence(self, node: yaml.SequenceNode, key: str) -> list[Any]:
        items = []
        for index, item in enumerate(node.value):
            full = f"{key}[{index}]"
            self.lines[full] = _line(item)
            items.append(self.value(item, full))
        return items

    def _scalar(self, node: yaml.ScalarNode, key: str) -> Any:
        text = str(node.value)
        match node.tag.removeprefix(_CORE_TAG):
            case "str":
                return text
            case "null":
                return None
            case "bool" if text.lower() in ("true", "false"):
                return text.lower() == "true"
            case "int" if _INT.match(text):
                return self._whole(node, key)
            case "float" if _FLOAT.match(text):
                return float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
        raise self._unfit(node, key)

    def _whole(self, node: yaml.ScalarNode, key: str) -> int:
        text = str(node.value)
        # Python itself refuses to read thousands of digits.
        if len(text) <= _MAX_DIGITS:
            value = int(text, 0 if text[:2] in ("0o", "0x") else 10)
            if abs(value) <= _MAX_INT:
                return value
        what = f"the number {text[:_MAX_DIGITS]} is far too large."
        raise explain.at_line(self._name, _line(node), key, what)

    def _unfit(self, node: yaml.Node, key: str) -> Exception:
        what = f"the YAML tag '{node.tag}' does not fit here."
        return explain.at_line(self._name, _line(node), key, what)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
