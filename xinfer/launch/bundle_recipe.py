"""The recipe of a bundle: the composed one, with the models' files taken from the bundle."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from xinfer.config.origin import DEFAULT, Origins
from xinfer.domain.model import ModelSpec
from xinfer.engines.registry import Registry
from xinfer.launch.declaration import Declaration

_SECRET = re.compile(r"(token|secret|passw(or)?d|key|credentials?)\Z", re.IGNORECASE)
_SECRET_OPTION = re.compile(
    r"((hf|auth|access)_token|secret|passw(or)?d|api_?key|credentials?)\Z", re.IGNORECASE
)
_IN_ENV = re.compile(r"models\..+\.env\.")
_PASSWORD = re.compile(r"://[^:/@\s]+:[^@/\s]+@")
_EMPTY: tuple[Any, ...] = ("", [], {})
_HEAD = "# Made by `xinfer bundle create`; the paths of models are relative to this file.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledRecipe:
    """`notes` are what a person has to see to: secrets left out, files of the first machine."""

    text: str
    notes: tuple[str, ...]


def bundled(given: Declaration, sources: Mapping[str, dict[str, Any]]) -> BundledRecipe:
    """The recipe as YAML; `sources` are the models' new ones, by uid."""
    origins, notes = given.composed.origins, list[str]()
    tree = _kept(asdict(given.composed.config), "", origins, notes)
    models = tree.get("models", {})
    for uid, spec in given.models.items():
        if uid in sources:
            models[uid] |= {**_resolved(spec), "source": sources[uid]}
    used, engines = {spec.engine for spec in given.models.values()}, Registry()
    tree["engine"] = {
        name: one for name, one in tree["engine"].items() if engines.get(name).name in used
    }
    _locate(given, tree)
    notes += [
        f"engine {name} is not in the bundle: install it there, or set engine.{name}.env=managed"
        for name in sorted(used)
        if engines.get(name).traits.module and given.settings.engines[name].env != "managed"
    ]
    notes += [f"{key} names {path}, which is not in the bundle" for key, path in _paths(tree)]
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
    return BundledRecipe(text=_HEAD + text, notes=tuple(notes))


def _resolved(spec: ModelSpec) -> dict[str, Any]:
    """What the catalog said of a family: the other machine's may be older."""
    if spec.family is None:
        return {}
    known = {"format": spec.format, "size": spec.size, "quantization": spec.quantization}
    return {"kind": str(spec.kind), **{name: value for name, value in known.items() if value}}


def _kept(tree: dict[str, Any], parent: str, origins: Origins, notes: list[str]) -> dict[str, Any]:
    """Without secrets, and without what nobody has set."""
    kept: dict[str, Any] = {}
    for name, value in tree.items():
        key = f"{parent}.{name}" if parent else name
        is_empty = value is None or (parent.startswith("models.") and value in _EMPTY)
        if is_empty and origins.of(key) is DEFAULT:
            continue
        if value and _is_secret(key, name, value):
            notes.append(f"{key} is a secret and was left out: set it on the other machine")
        elif isinstance(value, dict):
            kept[name] = _kept(value, key, origins, notes)
        else:
            kept[name] = _literal(value)
    return kept


def _is_secret(key: str, name: str, value: Any) -> bool:
    if key == "auth.keys":
        return True
    # `eos_token` of an engine is none, HUB_TOKEN of an environment is.
    names = _SECRET if _IN_ENV.match(key) else _SECRET_OPTION
    return isinstance(value, str) and bool(names.search(name) or _PASSWORD.search(value))


def _literal(value: Any) -> Any:
    """As the reader of recipes takes it: `${` would be looked up."""
    if isinstance(value, str):
        return value.replace("${", r"\${")
    if isinstance(value, list):
        return [_literal(each) for each in value]
    return value


def _locate(given: Declaration, tree: dict[str, Any]) -> None:
    """Make relative paths absolute, as they were meant."""
    gateway = given.settings.gateway
    for name in ("tls_cert", "tls_key"):
        if getattr(gateway, name):
            tree["gateway"][name] = getattr(gateway, name)
    tree["gateway"]["media_roots"] = list(gateway.media_roots)
    tree["auth"]["model_roots"] = list(given.settings.auth.model_roots)
    for name, engine in tree["engine"].items():
        env = engine.get("env")
        if env not in ("current", "managed"):
            found = given.composed.origins.locate(f"engine.{name}.env", str(env))
            engine["env"] = str(found)


def _paths(tree: Any, parent: str = "") -> Iterator[tuple[str, str]]:
    """The keys whose values name something that is on this machine."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _paths(value, f"{parent}.{name}" if parent else str(name))
    elif isinstance(tree, list):
        for place, value in enumerate(tree):
            yield from _paths(value, f"{parent}[{place}]")
    elif isinstance(tree, str) and tree.startswith("/") and _exists(tree):
        yield parent, tree


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:
        return False
