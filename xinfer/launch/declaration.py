"""The words of the command line as one checked value: settings, models, and their origins."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from xinfer.config import explain
from xinfer.config.compile import compile_recipe
from xinfer.config.compose import Composed, compose
from xinfer.config.render import render
from xinfer.config.settings import Environment, environment
from xinfer.domain.cluster import Settings
from xinfer.domain.home import Home
from xinfer.domain.model import ModelSpec
from xinfer.domain.ports import RegistrationStore
from xinfer.engines.registry import Registry
from xinfer.launch.preflight import prepare_home
from xinfer.launch.settings_file import write_settings
from xinfer.worker.devices import Devices

if TYPE_CHECKING:
    from xinfer.services.families import Families

_OVERRIDE = re.compile(r"[+~]|[A-Za-z_][A-Za-z0-9_]*(\.[^=]*)?=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What was asked for. `recipe` is None when none was named: the stored state stays as it is."""

    home: Home
    settings: Settings
    models: Mapping[str, ModelSpec]
    recipe: Path | None
    name: str
    composed: Composed

    @property
    def recipe_body(self) -> Path:
        """Where `write` leaves the body that declares the models to the supervisor."""
        return self.home.run / "recipe.json"

    def desired(self) -> bytes:
        """The body of `PUT /v1/recipe`."""
        return msgspec.json.encode({"recipe": self.name, "models": list(self.models.values())})

    def text(self) -> str:
        """The composed recipe as YAML with the origin of every value."""
        return render(self.composed)

    def write(self) -> None:
        """Leave settings and models for the launcher and the roles.

        Raises StoreFailed when the home cannot be written.
        """
        prepare_home(self.home, environment(os.environ).cluster_token)
        write_settings(self.home, self.settings)
        self.recipe_body.write_bytes(self.desired())


def declare(words: Sequence[str], *, here: bool = True) -> Declaration:
    """Compose and check; `here` off leaves out whether this machine can run the models.

    Raises Invalid with file, line, key and remedy.
    """
    surroundings = environment(os.environ)
    named = next((word for word in words if not _OVERRIDE.match(word)), None)
    recipe = Path(named) if named is not None else None
    overrides = [word for word in words if word != named]
    composed = compose(recipe, overrides, surroundings)
    engines = Registry()
    compiled = compile_recipe(composed, engines, surroundings.home, _Catalog(engines, surroundings))
    if here:
        _check_engines(compiled.models, engines, composed)
    return Declaration(
        home=Home(surroundings.home),
        settings=compiled.settings,
        models=compiled.models,
        recipe=recipe,
        name=compiled.recipe,
        composed=composed,
    )


class _Catalog:
    """Names the files of families, those that users of this home registered among them.

    Loaded when a recipe names the first family: most of them do not.
    """

    def __init__(self, engines: Registry, surroundings: Environment) -> None:
        self._engines = engines
        self._surroundings = surroundings
        self._families: Families | None = None

    def __call__(self, spec: ModelSpec) -> ModelSpec:
        if self._families is None:
            from xinfer.services.families import Families

            self._families = Families(
                self._engines, self._registrations(), hub=self._surroundings.model_src
            )
        return self._families.resolve(spec).spec

    def _registrations(self) -> RegistrationStore | None:
        """None where there is no state, or one of an older version."""
        path = Home(self._surroundings.home).database
        if not path.exists():
            return None
        from xinfer.store.database import Database
        from xinfer.store.registrations import Registrations

        database = Database(f"sqlite:///{path}")
        return Registrations(database) if database.is_current() else None


def _check_engines(models: Mapping[str, ModelSpec], engines: Registry, composed: Composed) -> None:
    """Refuse what its engine could never run on this machine, before anything starts."""
    if not models:
        return
    machine = Devices().machine()
    for uid, spec in models.items():
        verdict = engines.get(spec.engine).supports(spec, machine)
        if not verdict.ok:
            raise explain.at_key(composed.origins, f"models.{uid}", verdict.reason, verdict.hint)
