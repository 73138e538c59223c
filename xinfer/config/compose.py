"""A recipe file and overrides become one typed tree that knows where each value came from.

Hydra resolves the defaults list over the recipe's folder and `conf/`, and reads the overrides'
grammar; OmegaConf resolves interpolations. Laying files over each other is ours (`layer`), for the
line of every value. Nothing global of Hydra is used but the version of its rules; no output folder,
no logging.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from xinfer.config import explain, layer, override
from xinfer.config.check import Check
from xinfer.config.files import Files
from xinfer.config.origin import Origin, OriginKind, Origins
from xinfer.config.override import Override
from xinfer.config.paths import find_recipe
from xinfer.config.schema import Model, Recipe
from xinfer.config.settings import AUTH, LOG_LEVEL, Environment, Variable

_MODES = dict.fromkeys(("false", "no", "0"), "off") | dict.fromkeys(("true", "yes", "1"), "on")
"""Of `auth.mode`, by what people write for a variable that is true or false."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """`config` is the checked tree, `origins` say what set each key, `recipe` is None without one.

    `name` is the recipe's file name without its ending, under which it is stored; empty without.
    """

    config: Recipe
    origins: Origins
    recipe: Path | None
    name: str


def compose(
    recipe: Path | None, overrides: Sequence[str] = (), environment: Environment | None = None
) -> Composed:
    """Read and check all. Raises Invalid with place, key and remedy for whatever is wrong.

    A recipe without a `defaults` list means `[base]`. What `environment` says of logs and keys wins
    over the files, an override over both.
    """
    path = find_recipe(recipe) if recipe is not None else None
    given = [override.parse(text) for text in overrides]
    files = Files(path)
    choices = [one for one in given if files.is_choice(one)]
    origins = Origins()
    tree = _plain(Recipe)
    for document, package, kind in files.layers(choices):
        data, places = layer.of_document(document, package, kind)
        origins.update(places)
        tree = layer.lay(tree, data)
    tree = layer.lay(tree, _of_environment(environment, origins))
    tree = _overridden(tree, [one for one in given if one not in choices], origins)
    config = Check(origins).section(Recipe, _resolved(tree, origins))
    return Composed(config=config, origins=origins, recipe=path, name=path.stem if path else "")


def _plain(cls: type) -> dict[str, Any]:
    """The defaults of a schema class as a plain tree."""
    tree = OmegaConf.to_container(OmegaConf.structured(cls))
    assert isinstance(tree, dict)
    return {str(name): value for name, value in tree.items()}


def _of_environment(environment: Environment | None, origins: Origins) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if environment is not None and environment.log_level:
        origins.update({"log.level": _origin(LOG_LEVEL)})
        found["log"] = {"level": environment.log_level}
    if environment is not None and environment.auth:
        origins.update({"auth.mode": _origin(AUTH)})
        found["auth"] = {"mode": _MODES.get(environment.auth, environment.auth)}
    return found


def _origin(variable: Variable) -> Origin:
    return Origin(kind=OriginKind.ENVIRONMENT, place=f"environment {variable.name}")


def _overridden(tree: dict[str, Any], given: list[Override], origins: Origins) -> dict[str, Any]:
    for one in given:
        if one.mark == "~":
            override.remove(one, tree, origins)
        else:
            tree = layer.lay(tree, override.layer(one, tree, origins))
    return tree


def _resolved(tree: dict[str, Any], origins: Origins) -> Any:
    """Interpolations replaced; models get defaults first, so that `${models.…}` finds them."""
    models = tree["models"]
    if isinstance(models, dict):
        defaults = _plain(Model)
        filled = {
            uid: layer.lay(defaults, one) if isinstance(one, dict) else one
            for uid, one in models.items()
        }
        tree = tree | {"models": filled}
    try:
        config = OmegaConf.create(tree)
        return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise explain.unresolved(origins, error) from None
