"""The composed tree as domain values: `Settings` for the roles, a `ModelSpec` per model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from xinfer.config import explain
from xinfer.config.cluster import cluster_settings, runs_here
from xinfer.config.compose import Composed
from xinfer.config.model import ModelCompiler
from xinfer.config.origin import Origins
from xinfer.config.schema import Auth, Gateway
from xinfer.domain.cluster import (
    AuthSettings,
    EngineSettings,
    GatewaySettings,
    LogSettings,
    Settings,
    StoreSettings,
)
from xinfer.domain.model import Hub, ModelSpec
from xinfer.domain.names import check_uid, did_you_mean, nearest
from xinfer.domain.options import check_options
from xinfer.domain.ports import Engines
from xinfer.errors import NotFound

Families = Callable[[ModelSpec], ModelSpec]
"""Fills `source` (and kind, size, format, quantization) of a spec that only names a family.

Raises Invalid or NotFound for one that the catalog does not have.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """What a recipe means. `recipe` is the name to store it under, `launcher` what starts roles.

    `here` are the uids of the models that run on this machine if anywhere.
    """

    settings: Settings
    models: dict[str, ModelSpec]
    recipe: str
    launcher: str
    here: frozenset[str]


def compile_recipe(
    composed: Composed,
    engines: Engines,
    home: Path,
    families: Families | None = None,
    *,
    check_paths: bool = True,
) -> Compiled:
    """Check all that needs engines and names. Raises Invalid with place, key and remedy.

    `check_paths` off leaves out whether local files exist, for models that run on other machines.
    """
    config, origins = composed.config, composed.origins
    cluster = cluster_settings(config.cluster, origins)
    check_paths = check_paths and cluster.role != "supervisor"
    settings = Settings(
        home=home,
        cluster=cluster,
        gateway=_gateway(config.gateway, origins),
        auth=_auth(config.auth, origins),
        store=StoreSettings(**asdict(config.store)),
        log=LogSettings(**asdict(config.log)),
        engines=_engines(composed, engines, check_paths=check_paths),
    )
    _check_uids(composed)
    compiler = ModelCompiler(engines, settings.engines, origins)
    models = {}
    for uid, model in config.models.items():
        spec = compiler.spec(uid, model)
        if spec.family is not None and spec.source is None:
            spec = _from_family(spec, families, origins)
        models[uid] = spec
    here = [uid for uid, spec in models.items() if runs_here(spec, config.cluster, cluster)]
    for uid in here if check_paths else ():
        _check_path(models[uid], origins)
    return Compiled(
        settings=settings,
        models=models,
        recipe=composed.name,
        launcher=config.launcher.kind,
        here=frozenset(here),
    )


def _gateway(given: Gateway, origins: Origins) -> GatewaySettings:
    values = asdict(given)
    for name, other in (("tls_cert", "tls_key"), ("tls_key", "tls_cert")):
        key = f"gateway.{name}"
        if values[name]:
            values[name] = str(origins.locate(key, values[name]))
        elif values[other]:
            raise explain.at_key(origins, f"gateway.{other}", f"{key} is missing.", "Set both.")
    roots = (str(origins.locate("gateway.media_roots", root)) for root in given.media_roots)
    values |= {"media_hosts": tuple(given.media_hosts), "media_roots": tuple(roots)}
    return GatewaySettings(**values)


def _auth(given: Auth, origins: Origins) -> AuthSettings:
    roots = (str(origins.locate("auth.model_roots", root)) for root in given.model_roots)
    # As they come from files and variables, with a line's end maybe.
    keys = tuple(key.strip() for key in given.keys)
    if not all(keys):
        what, hint = "a key is empty.", "Is the variable set that it is taken from?"
        raise explain.at_key(origins, "auth.keys", what, hint)
    return AuthSettings(
        mode=given.mode,
        keys=keys,
        cors_origins=tuple(given.cors_origins),
        model_roots=tuple(roots),
    )


def _check_uids(composed: Composed) -> None:
    """Legal, and different even where case is ignored, as folders of replicas are on macOS."""
    seen: dict[str, str] = {}
    for uid in composed.config.models:
        key = f"models.{uid}"
        with explain.placed(composed.origins, key):
            check_uid(uid)
        other = seen.setdefault(uid.casefold(), uid)
        if other != uid:
            first = composed.origins.nearest(f"models.{other}").place
            what = f"the uid differs from '{other}' ({first}) by case only."
            raise explain.at_key(composed.origins, key, what, "Choose another uid.")


def _engines(
    composed: Composed, engines: Engines, *, check_paths: bool
) -> dict[str, EngineSettings]:
    """Settings of every engine that there is, declared or not."""
    settings = {name: EngineSettings() for name in engines.names()}
    for name, given in composed.config.engine.items():
        key = f"engine.{name}"
        with explain.placed(composed.origins, key):
            engine = engines.get(name)
            options = check_options(engine.name, engine.options, given.options, f"{key}.options")
        env = _interpreter(given.env, f"{key}.env", composed.origins, check_paths=check_paths)
        settings[engine.name] = EngineSettings(env=env, options=options)
    return settings


def _interpreter(env: str, key: str, origins: Origins, *, check_paths: bool) -> str:
    if env in ("current", "managed"):
        return env
    path = origins.locate(key, env)
    if not check_paths:
        return str(path)
    with explain.looking(origins, key, path):
        there = path.is_file()
    if not there:
        what = f"there is no interpreter {path}."
        hint = did_you_mean(env, ("current", "managed"))
        raise explain.at_key(origins, key, what, hint)
    return str(path)


def _from_family(spec: ModelSpec, families: Families | None, origins: Origins) -> ModelSpec:
    key = f"models.{spec.uid}.family"
    if families is None:
        what = f"there is no catalog to look up '{spec.family}' in."
        hint = "Give a source instead, such as source: {huggingface: org/repo}."
        raise explain.at_key(origins, key, what, hint)
    try:
        with explain.placed(origins, key):
            return families(spec)
    except NotFound as error:
        raise explain.at_key(origins, key, error.message, error.hint) from None


def _check_path(spec: ModelSpec, origins: Origins) -> None:
    source = spec.source
    if source is None or source.hub is not Hub.PATH:
        return
    key, path = f"models.{spec.uid}.source.path", Path(source.ref)
    beside = path.parent
    with explain.looking(origins, key, path):
        if path.exists():
            return
        names = [one.name for one in beside.iterdir()] if beside.is_dir() else []
    hit = nearest(Path(source.ref).name, names)
    hint = f"Did you mean '{beside / hit}'?" if hit else "Paths are relative to the recipe."
    raise explain.at_key(origins, key, f"there is no file or folder {source.ref}.", hint)
