"""The words of the command line as one checked value: settings, models, and their origins."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from xinfer.catalog.hubs.path import find
from xinfer.config import explain
from xinfer.config.compile import Compiled, compile_recipe
from xinfer.config.compose import Composed, compose
from xinfer.config.render import render
from xinfer.config.settings import Environment, environment
from xinfer.domain.cluster import Settings
from xinfer.domain.home import Home
from xinfer.domain.model import Hub, ModelSpec
from xinfer.domain.ports import Engine, Engines, RegistrationStore
from xinfer.engines.registry import Registry
from xinfer.errors import Invalid, NotFound
from xinfer.launch.preflight import prepare_home
from xinfer.launch.settings_file import write_settings
from xinfer.worker.devices import Devices

if TYPE_CHECKING:
    from xinfer.services.families import Families

_OVERRIDE = re.compile(r"[+~]|[A-Za-z_][A-Za-z0-9_]*(\.[^=]*)?=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What was asked for. `recipe` is None when none was named: the stored state stays as it is.

    `here` are the uids of the models that run on this machine if anywhere. `families()` loads what
    models there are.
    """

    home: Home
    settings: Settings
    models: Mapping[str, ModelSpec]
    here: frozenset[str]
    recipe: Path | None
    name: str
    composed: Composed
    families: Callable[[], Families]

    @property
    def declares(self) -> bool:
        """Whether models are declared, be it by overrides alone; else what is stored stays."""
        return self.recipe is not None or bool(self.models)

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
    catalog = _Catalog(engines, surroundings, composed.config.store.url)
    compiled = compile_recipe(composed, engines, surroundings.home, catalog)
    if here:
        _check_surroundings(compiled.settings, composed)
        _check_models(compiled, engines, composed)
    return Declaration(
        home=Home(surroundings.home),
        settings=compiled.settings,
        models=compiled.models,
        here=compiled.here,
        recipe=recipe,
        name=compiled.recipe,
        composed=composed,
        families=catalog.families,
    )


class _Catalog:
    """Names the files of families, those that users of this home registered among them.

    Loaded when a recipe names the first family: most of them do not.
    """

    def __init__(self, engines: Registry, surroundings: Environment, store_url: str) -> None:
        self._engines = engines
        self._surroundings = surroundings
        self._store_url = store_url
        self._families: Families | None = None

    def __call__(self, spec: ModelSpec) -> ModelSpec:
        return self.families().resolve(spec).spec

    def families(self) -> Families:
        """All of them, loaded once."""
        if self._families is None:
            from xinfer.services.families import Families

            self._families = Families(
                self._engines, self._registrations(), hub=self._surroundings.model_src
            )
        return self._families

    def _registrations(self) -> RegistrationStore | None:
        """None where there is no state, or one of an older version."""
        home = Home(self._surroundings.home)
        if not self._store_url and not home.database.exists():
            return None
        from xinfer.store.database import Database
        from xinfer.store.registrations import Registrations

        database = Database(self._store_url or home.sqlite_url)
        return Registrations(database) if database.is_current() else None


def _check_models(compiled: Compiled, engines: Engines, composed: Composed) -> None:
    """Refuse what this machine could never run, before anything starts."""
    machine = Devices().machine() if compiled.here else None
    for uid, spec in compiled.models.items():
        if machine is None or uid not in compiled.here:
            continue
        engine, key = engines.get(spec.engine), f"models.{uid}"
        with explain.placed(composed.origins, key):
            verdict = engine.supports(spec, machine)
        if not verdict.ok:
            raise explain.at_key(composed.origins, key, verdict.reason, verdict.hint)
        _check_files(spec, engine, composed)


def _check_files(spec: ModelSpec, engine: Engine, composed: Composed) -> None:
    """Refuse files of this machine that are no model, or that do not say which one is meant."""
    source, model = spec.source, f"models.{spec.uid}"
    key = f"{model}.source.path"
    weigh = engine.traits.weigh
    if source is None or source.hub is not Hub.PATH or weigh is None:
        return
    try:
        with explain.looking(composed.origins, key, Path(source.ref)):
            weigh(spec, find(source))
    except (Invalid, NotFound) as error:
        # Of options that name files, the failure has the whole key already.
        own = error.key if isinstance(error, Invalid) else ""
        named = own if own.startswith(f"{model}.engine_kwargs.") else key
        what = error.message.removeprefix(f"{named}: ").removeprefix(f"{model}: ")
        raise explain.at_key(composed.origins, named, what, error.hint) from None


def _check_surroundings(settings: Settings, composed: Composed) -> None:
    """Refuse a store and a certificate that no start could use. Rare, so loaded when they are."""
    if settings.cluster.role == "worker":
        return
    with explain.placed(composed.origins, "store.url"):
        if settings.store.url:
            from xinfer.store.database import check_url

            check_url(settings.store.url)
    with explain.placed(composed.origins, "gateway.tls_cert"):
        if settings.gateway.tls_cert:
            from xinfer.launch.tls import tls_context

            tls_context(settings.gateway)
