"""The supervisor role: API, gateway and the planning loop, wired in each gunicorn process."""

from __future__ import annotations

import atexit
import logging
import os
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from xinfer.api import errors
from xinfer.api.app import App, create_app
from xinfer.api.node_files import WorkerFiles
from xinfer.api.resources.caches import Caches as CachesResource
from xinfer.api.resources.cluster import Cluster as ClusterResource
from xinfer.api.resources.engines import Engines as EnginesResource
from xinfer.api.resources.health import Health, Readiness
from xinfer.api.resources.inference import Inference
from xinfer.api.resources.logs import Logs
from xinfer.api.resources.metrics import Metrics as MetricsResource
from xinfer.api.resources.models import Model, ModelParts
from xinfer.api.resources.models import Models as ModelsResource
from xinfer.api.resources.nodes import NodeAssignment, NodeReports
from xinfer.api.resources.recipe import Recipe
from xinfer.api.resources.registrations import Lists
from xinfer.api.resources.registrations import Registrations as RegistrationsResource
from xinfer.api.resources.replicas import Replicas as ReplicasResource
from xinfer.api.resources.ui import Ui
from xinfer.api.routes import CatalogResources, Resources, routes
from xinfer.config.settings import environment
from xinfer.control.cluster import ClusterControl
from xinfer.control.loop import Loop
from xinfer.domain.cluster import Settings
from xinfer.domain.home import Home
from xinfer.domain.secrets import replica_secret
from xinfer.domain.state import Assigned, Desired, Observed
from xinfer.engines.registry import Registry
from xinfer.errors import StoreFailed, XinferError
from xinfer.gateway.admission import Admission
from xinfer.gateway.fleet_metrics import FleetMetrics
from xinfer.gateway.metrics import Metrics
from xinfer.gateway.relay import Gateway
from xinfer.gateway.table import Table
from xinfer.gateway.upstream import Pools
from xinfer.launch.access import Access
from xinfer.launch.credentials import Credentials, credentials
from xinfer.launch.endpoint import url_host
from xinfer.launch.gunicorn import RoleApplication, Server
from xinfer.launch.scratch import metrics_folder
from xinfer.launch.tls import tls_context
from xinfer.services.caches import Caches
from xinfer.services.cluster import Cluster
from xinfer.services.families import Families
from xinfer.services.fit import Fit
from xinfer.services.launch_rights import LaunchRights
from xinfer.services.models import Models
from xinfer.services.offers import Offers
from xinfer.services.recipes import Recipes
from xinfer.services.registrations import Registrations as RegistrationService
from xinfer.services.reports import Reports
from xinfer.services.view import CachedView, States
from xinfer.store.cluster_store import ClusterStore
from xinfer.store.database import Database
from xinfer.store.measurements import Measurements
from xinfer.store.registrations import Registrations
from xinfer.store.watch import Watch

log = logging.getLogger("xinfer.supervisor")

_PLAN_S = 1.0
_BODY_S = 60.0


def serve(home: Home, settings: Settings) -> None:
    """Run the role; ends only with the process. Raises StoreFailed when the state is unusable."""
    home.database.parent.mkdir(parents=True, exist_ok=True)
    metrics = metrics_folder(home)
    metrics.mkdir(parents=True, exist_ok=True)
    for stale in metrics.glob("*.db"):
        stale.unlink()
    database = Database(store_url(home, settings))
    database.migrate()
    # Connections must not be shared over the fork.
    database.close()
    secrets = credentials(home, settings)
    tls = tls_context(settings.gateway)
    processes: list[SupervisorProcess] = []

    def make() -> App:
        process = SupervisorProcess(home, settings, secrets)
        processes.append(process)
        return process.start()

    def stop() -> None:
        for process in processes:
            process.stop()

    gateway, cluster = settings.gateway, settings.cluster
    RoleApplication(
        Server(
            name="supervisor",
            bind=f"{url_host(cluster.host)}:{cluster.port}",
            make=make,
            stop=stop,
            exited=lambda pid: _forget_metrics(metrics, pid),
            workers=gateway.workers,
            connections=gateway.connections,
            header_timeout_s=gateway.header_timeout_s,
            graceful_timeout_s=gateway.graceful_timeout_s,
            access_log=gateway.access_log,
            tls=tls,
        )
    ).run()


def store_url(home: Home, settings: Settings) -> str:
    """The SQLAlchemy URL of the state."""
    return settings.store.url or f"sqlite:///{home.database}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The use cases of one process."""

    models: Models
    recipes: Recipes
    reports: Reports
    cluster: Cluster


class SupervisorProcess:
    """Everything that lives in one gunicorn process of the supervisor."""

    def __init__(self, home: Home, settings: Settings, secrets: Credentials) -> None:
        self._home = home
        self._secrets = secrets
        self._settings = settings
        database = Database(store_url(home, settings))
        self._store = ClusterStore(database)
        self._measurements = Measurements(database)
        self._registrations = Registrations(database)
        self._fit = Fit(Registry(), self._measurements)
        self._families = Families(
            Registry(), self._registrations, hub=environment(os.environ).model_src
        )
        self._watch = Watch(self._store)
        self._access = Access(database, settings, secrets, self._refresh)
        self._states = States(desired=self._store, assigned=self._store, observed=self._store)
        self._view = CachedView(self._states, lambda: self._watch.stamp)
        gateway = settings.gateway
        self._pools = Pools(
            connect_timeout_s=gateway.connect_timeout_s,
            read_timeout_s=gateway.read_timeout_s,
            secret=partial(replica_secret, home.cluster_token.read_text(encoding="utf-8").strip()),
        )
        self._table = Table(self._pools.keep, self._refresh)
        self._metrics = Metrics([FleetMetrics(self._read)])
        self._control = self._make_control()
        self._loop = Loop(self._control.step, name="control", interval_s=_PLAN_S)
        self._stopping = threading.Event()

    def start(self) -> App:
        """Begin to watch and plan; the application to serve."""
        self._watch.listen(self._swap_routes)
        self._watch.listen(self._loop.wake)
        self._watch.listen(self._access.directory.refresh)
        self._access.start()
        atexit.register(self._access.stop)
        with suppress(StoreFailed):
            self._watch.look()
        for work in (self._watch.run, self._loop.run):
            threading.Thread(target=work, daemon=True).start()
        cluster = self._settings.cluster
        log.info("The supervisor serves at http://%s:%s.", cluster.host, cluster.port)
        return create_app(routes(self._resources()), self._access.gate())

    def stop(self) -> None:
        """Let another process plan, and end the waits of workers."""
        self._stopping.set()
        self._loop.stop()
        self._watch.stop()
        with suppress(XinferError):
            self._control.release()

    def _make_control(self) -> ClusterControl:
        return ClusterControl(
            f"{socket.gethostname()}:{os.getpid()}:{time.time_ns()}",
            desired=self._store,
            assigned=self._store,
            observed=self._store,
            events=self._store,
            node_grace_s=self._settings.cluster.node_grace_s,
            clock=time.time,
        )

    def _refresh(self) -> None:
        """What is known stays in use while the store cannot be read."""
        with suppress(StoreFailed):
            self._watch.look()

    def _swap_routes(self) -> None:
        try:
            self._table.swap(self._view().routes())
        except StoreFailed as error:
            log.error("The routes stay as they were: %s", error)

    def _read(self) -> tuple[Desired, Assigned, Observed]:
        view = self._view()
        return view.desired, view.assigned, view.observed

    def _services(self) -> Services:
        cluster = self._settings.cluster
        models = Models(
            self._states,
            Registry(),
            families=self._families,
            fit=self._fit,
            settings=self._settings.engines,
            node_grace_s=cluster.node_grace_s,
            stamp=lambda: self._watch.stamp,
            wait=self._watch.wait,
            changed=self._watch.look,
        )
        return Services(
            models=models,
            recipes=Recipes(self._store, self._watch.look, check=models.check),
            reports=Reports(
                assigned=self._store,
                observed=self._store,
                events=self._store,
                measured=self._measurements,
                stamp=lambda: self._watch.stamp,
                wait=self._wait_unless_stopping,
                changed=self._watch.look,
            ),
            cluster=Cluster(
                self._store,
                address=f"{cluster.host}:{cluster.port}",
                grace_s=cluster.node_grace_s,
            ),
        )

    def _catalog(self) -> CatalogResources:
        registrations = RegistrationService(self._families, self._registrations, self._watch.look)
        offers = Offers(Registry(), self._families, self._fit, lambda: self._view().machines())
        return CatalogResources(
            registrations=RegistrationsResource(registrations),
            lists=Lists(registrations),
            engines=EnginesResource(offers),
            caches=CachesResource(
                Caches(self._families, WorkerFiles(self._home.cluster_token), self._view)
            ),
        )

    def _wait_unless_stopping(self, stamp: int, timeout_s: float) -> bool:
        return self._watch.wait(stamp, timeout_s) and not self._stopping.is_set()

    def _resources(self) -> Resources:
        services = self._services()
        gateway = Gateway(
            self._table,
            Admission(self._settings.gateway.workers),
            self._pools,
            self._metrics,
            errors.status_of,
        )
        return Resources(
            inference=Inference(
                gateway,
                self._access.meter,
                max_body_bytes=self._settings.gateway.max_body_bytes,
                body_timeout_s=_BODY_S,
            ),
            models=ModelsResource(
                services.models, self._view, LaunchRights(self._settings.auth.model_roots)
            ),
            model=Model(services.models),
            parts=ModelParts(services.models, self._store),
            replicas=ReplicasResource(services.models),
            logs=Logs(services.models, self._home.cluster_token),
            recipe=Recipe(services.recipes),
            cluster=ClusterResource(services.cluster, auth=self._secrets.needed),
            reports=NodeReports(services.reports),
            assignment=NodeAssignment(services.reports),
            health=Health(),
            readiness=Readiness(self._table),
            metrics=MetricsResource(self._metrics),
            ui=Ui(),
            access=self._access.resources(),
            catalog=self._catalog(),
        )


def _forget_metrics(folder: Path, pid: int) -> None:
    """Gauges of a process that has ended must not be added up any more."""
    for path in folder.glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)
