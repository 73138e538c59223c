"""What is desired as a recipe again: the way back from specs to YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import yaml

from xinfer.config import paths
from xinfer.domain.model import Limits, ModelSpec, Placement, Restart, Source

_HEAD = """\
# Made by `xinfer recipe export`: the models of an installation. Its other settings are not in here.
# yaml-language-server: $schema={schema}
"""
_SAME = ("engine", "family", "format", "size", "quantization", "launch_timeout_s")
_INTERPOLATION = re.compile(r"(\\*)\$\{")


def exported(models: Sequence[ModelSpec]) -> str:
    """A recipe that declares `models`. What has its default is left out."""
    tree = {"defaults": ["base"], "models": {spec.uid: _model(spec) for spec in models}}
    text = yaml.safe_dump(_literal(tree), sort_keys=False, allow_unicode=True)
    return _HEAD.format(schema=paths.schema_file()) + text


def _model(spec: ModelSpec) -> dict[str, Any]:
    usual = ModelSpec(uid=spec.uid, engine="")
    model = {name: getattr(spec, name) for name in _SAME} | {
        "kind": str(spec.kind),
        "source": _source(spec.source),
        "replicas": spec.replicas,
        "engine_kwargs": dict(spec.options),
        "extra_args": list(spec.extra_args),
        "env": dict(spec.env),
        "memory": spec.memory_bytes,
        "limits": _changed(spec.limits, Limits()),
        "restart": _changed(spec.restart, Restart()),
        "drain_timeout_s": spec.drain_timeout_s,
        **_changed(spec.placement, Placement()),
    }
    for name in ("replicas", "launch_timeout_s", "drain_timeout_s"):
        if model[name] == getattr(usual, name):
            del model[name]
    # Null accelerators are a choice: CPU only.
    return {
        name: value
        for name, value in model.items()
        if name == "n_gpu" or value not in (None, {}, [])
    }


def _source(source: Source | None) -> dict[str, Any]:
    if source is None:
        return {}
    made = {str(source.hub): source.ref, "revision": source.revision, "files": list(source.files)}
    return {name: value for name, value in made.items() if value}


def _changed(given: Limits | Restart | Placement, usual: Limits | Restart | Placement) -> Any:
    """The fields that differ from the usual ones."""
    found = {}
    for field in fields(given):
        value = getattr(given, field.name)
        if value != getattr(usual, field.name):
            found[field.name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _literal(value: Any) -> Any:
    """With texts as the reader of recipes takes them: `${` would be looked up."""
    if isinstance(value, str):
        return _INTERPOLATION.sub(lambda found: f"{found[1] * 2}\\${{", value)
    if isinstance(value, list | tuple):
        return [_literal(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _literal(each) for name, each in value.items()}
    return value
