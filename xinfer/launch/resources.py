"""What the supervisor's API offers, wired: every use case and the resource that shows it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from xinfer.api.node_downloads import WorkerDownloads
from xinfer.api.node_files import WorkerFiles
from xinfer.api.resources.abort import Abort
from xinfer.api.resources.autostart import Autostart as AutostartResource
from xinfer.api.resources.caches import Caches as CachesResource
from xinfer.api.resources.cluster import Cluster as ClusterResource
from xinfer.api.resources.docs import Docs
from xinfer.api.resources.downloads import Downloads as DownloadsResource
from xinfer.api.resources.engines import Engines as EnginesResource
from xinfer.api.resources.health import Health, Readiness
from xinfer.api.resources.inference import Inference
from xinfer.api.resources.instances import Instances
from xinfer.api.resources.logs import Logs
from xinfer.api.resources.memory import Memory as MemoryResource
from xinfer.api.resources.metrics import Metrics as MetricsResource
from xinfer.api.resources.models import Model, ModelParts
from xinfer.api.resources.models import Models as ModelsResource
from xinfer.api.resources.nodes import NodeAssignment, NodeReports, NodeWay
from xinfer.api.resources.recipe import Recipe
from xinfer.api.resources.registrations import Lists
from xinfer.api.resources.registrations import Registrations as RegistrationsResource
from xinfer.api.resources.reload import Reload as ReloadResource
from xinfer.api.resources.replicas import Replicas as ReplicasResource
from xinfer.api.resources.ui import Ui
from xinfer.api.routes import CatalogResources, Resources
from xinfer.config.settings import environment
from xinfer.domain.cluster import Settings
from xinfer.domain.home import Home
from xinfer.engines.registry import Registry
from xinfer.gateway.relay import Gateway
from xinfer.gateway.running import Ending
from xinfer.gateway.ways import Ways
from xinfer.launch import record
from xinfer.launch.access import Access
from xinfer.services.autostart import Autostart
from xinfer.services.caches import Caches
from xinfer.services.cluster import Cluster
from xinfer.services.descriptions import Descriptions
from xinfer.services.downloads import Downloads
from xinfer.services.families import Families
from xinfer.services.fit import Fit
from xinfer.services.launch_rights import LaunchRights
from xinfer.services.memory import Memory
from xinfer.services.models import Models, Wait
from xinfer.services.offers import Offers
from xinfer.services.recipes import Recipes
from xinfer.services.registrations import Registrations as RegistrationService
from xinfer.services.reload import Reload
from xinfer.services.replicas import Replicas
from xinfer.services.reports import Reports
from xinfer.services.versions import Versions
from xinfer.services.view import CachedView, States
from xinfer.store.cluster_store import ClusterStore
from xinfer.store.database import Database
from xinfer.store.measurements import Measurements
from xinfer.store.registrations import Registrations
from xinfer.store.watch import Watch

_BODY_S = 60.0
_NEVER = -2
"""No stamp of the store, so that a wait for another one is over at once."""

_ANSWER_S = 0.3
"""How long the reply to the request that ends everything has to go out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """What models there are, and what they need."""

    registrations: Registrations
    measured: Measurements
    families: Families
    fit: Fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What one process of the supervisor is made of. `auth`: callers need a credential.

    `wait_for_reports` ends early when the process does; `requests` are those of all processes.
    """

    home: Home
    settings: Settings
    catalog: Catalog
    states: States
    store: ClusterStore
    watch: Watch
    view: CachedView
    wait_for_reports: Wait
    gateway: Gateway
    ways: Ways
    requests: Ending
    access: Access
    auth: bool


def resources(parts: Parts) -> Resources:
    """Every resource of the API."""
    catalog = parts.catalog
    models = _models(parts, catalog)
    rights = LaunchRights(parts.settings.auth.model_roots)
    descriptions = Descriptions(catalog.families, Registry())
    listed = ModelsResource(models, parts.view, rights, descriptions)
    reports = _reports(parts, catalog)
    token_file = parts.home.cluster_token
    return Resources(
        inference=Inference(
            parts.gateway,
            parts.access.meter,
            max_body_bytes=parts.settings.gateway.max_body_bytes,
            body_timeout_s=_BODY_S,
        ),
        models=listed,
        model=Model(models, descriptions),
        parts=ModelParts(models, parts.store),
        replicas=ReplicasResource(models, Replicas(models)),
        reload=ReloadResource(Reload(models, Registry()), rights),
        instances=Instances(models.view, descriptions, Versions(catalog.families), listed.begin),
        autostart=AutostartResource(Autostart(models), models, rights),
        abort=Abort(models, parts.requests),
        logs=Logs(models, token_file, parts.ways),
        recipe=Recipe(
            Recipes(
                parts.store,
                parts.watch.look,
                check=models.check,
                lack=models.lack,
                rests=models.rests,
            )
        ),
        cluster=_cluster(parts),
        reports=NodeReports(reports),
        assignment=NodeAssignment(reports),
        way=NodeWay(parts.ways, parts.view),
        health=Health(),
        readiness=Readiness(parts.gateway.table),
        metrics=MetricsResource(parts.gateway.metrics),
        ui=Ui(),
        docs=Docs(),
        access=parts.access.resources(),
        catalog=_catalog_resources(parts, catalog, models, rights),
    )


def catalog_in(database: Database) -> Catalog:
    """What ships with xinfer, and what users registered and replicas were seen to need."""
    registrations, measured = Registrations(database), Measurements(database)
    hub = environment(os.environ).model_src
    return Catalog(
        registrations=registrations,
        measured=measured,
        families=Families(Registry(), registrations, hub=hub),
        fit=Fit(Registry(), measured),
    )


def _models(parts: Parts, catalog: Catalog) -> Models:
    return Models(
        parts.states,
        Registry(),
        families=catalog.families,
        fit=catalog.fit,
        settings=parts.settings.engines,
        node_grace_s=parts.settings.cluster.node_grace_s,
        stamp=lambda: parts.watch.stamp,
        wait=parts.watch.wait,
        changed=parts.watch.look,
    )


def _reports(parts: Parts, catalog: Catalog) -> Reports:
    return Reports(
        assigned=parts.store,
        observed=parts.store,
        events=parts.store,
        measured=catalog.measured,
        stamp=lambda: parts.watch.stamp,
        wait=parts.wait_for_reports,
        changed=parts.watch.look,
    )


def _catalog_resources(
    parts: Parts, catalog: Catalog, models: Models, rights: LaunchRights
) -> CatalogResources:
    registrations = RegistrationService(catalog.families, catalog.registrations, parts.watch.look)
    offers = Offers(
        Registry(),
        catalog.families,
        catalog.fit,
        lambda: tuple(models.view().rooms().values()),
    )
    files = WorkerFiles(parts.home.cluster_token, parts.ways)
    downloads = DownloadsResource(_downloads(parts, catalog, models), rights)
    return CatalogResources(
        registrations=RegistrationsResource(registrations),
        lists=Lists(registrations),
        engines=EnginesResource(offers),
        memory=MemoryResource(Memory(catalog.families, lambda: models.view().rooms())),
        caches=CachesResource(Caches(catalog.families, files, models.view), downloads),
        downloads=downloads,
    )


def _downloads(parts: Parts, catalog: Catalog, models: Models) -> Downloads:
    def pause(seconds: float) -> bool:
        time.sleep(seconds)
        return parts.wait_for_reports(_NEVER, 0.0)

    return Downloads(
        models,
        catalog.families,
        WorkerDownloads(parts.home.cluster_token, parts.ways),
        # Read now: where nothing happens the kept view says that nodes were silent for long.
        models.view,
        pause=pause,
        grace_s=parts.settings.cluster.node_grace_s,
    )


def _cluster(parts: Parts) -> ClusterResource:
    cluster = parts.settings.cluster
    service = Cluster(
        parts.store,
        parts.store,
        address=f"{cluster.host}:{cluster.port}",
        grace_s=cluster.node_grace_s,
    )
    return ClusterResource(service, auth=parts.auth, stop=_stopper(parts.home))


def _stopper(home: Home) -> Callable[[], bool]:
    """What asks the launcher to drain and stop everything, a moment later."""

    def stop() -> bool:
        running = record.living(home)
        if running is None:
            return False

        def ask() -> None:
            with suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGTERM)

        threading.Timer(_ANSWER_S, ask).start()
        return True

    return stop
