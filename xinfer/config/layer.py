"""One part of a composed recipe, and how a later part is laid over an earlier one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from xinfer.config.document import Document
from xinfer.config.origin import Origin, OriginKind
from xinfer.config.paths import shown

_VARIABLE = re.compile(r"\$\{oc\.env:\s*([A-Za-z_][A-Za-z0-9_]*)")


def of_document(
    document: Document, package: str, kind: OriginKind
) -> tuple[dict[str, Any], dict[str, Origin]]:
    """The tree of a file under its Hydra package, with the origin of every key.

    A section left empty (`models:` and nothing below it) says nothing.
    """
    data = {
        name: value
        for name, value in document.data.items()
        if name != "defaults" and value is not None
    }
    prefix = f"{package}." if package else ""
    name = shown(document.path)
    folder = document.path.absolute().parent
    origins = {
        f"{prefix}{key}": Origin(kind=kind, place=f"{name}:{line}", folder=folder)
        for key, line in document.lines.items()
        if not key.startswith("defaults")
    }
    for key, text in _texts(data, prefix):
        variable = _VARIABLE.search(text)
        if variable:
            place = f"{origins[key].place}, environment {variable.group(1)}"
            origins[key] = Origin(kind=kind, place=place, folder=folder)
    for section in reversed(package.split(".") if package else []):
        data = {section: data}
    return data, origins


def lay(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` merged onto `under`: mappings key by key, all else replaced.

    A model's `source` is one value: naming another place in it replaces the whole.
    """
    merged = dict(under)
    for name, value in over.items():
        old = merged.get(name)
        if not isinstance(value, Mapping):
            merged[name] = value
        elif isinstance(old, Mapping) and not (name == "source" and _names_a_place(value)):
            merged[name] = lay(old, value)
        else:
            merged[name] = lay({}, value)
    return merged


def _names_a_place(source: Mapping[str, Any]) -> bool:
    return any(source.get(hub) for hub in ("path", "package", "huggingface", "modelscope"))


def _texts(value: Any, prefix: str) -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [(prefix.removesuffix("."), value)]
    if isinstance(value, dict):
        return [pair for name, one in value.items() for pair in _texts(one, f"{prefix}{name}.")]
    if isinstance(value, list):
        key = prefix.removesuffix(".")
        return [pair for i, one in enumerate(value) for pair in _texts(one, f"{key}[{i}].")]
    return []
