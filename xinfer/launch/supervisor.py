"""The supervisor role: API, gateway and the planning loop, wired in each gunicorn process."""

from __future__ import annotations

import atexit
import logging
import os
import socket
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from xinfer.api import errors
from xinfer.api.app import App, create_app
from xinfer.api.routes import routes
from xinfer.control.cluster import ClusterControl
from xinfer.control.loop import Loop
from xinfer.domain.cluster import Settings
from xinfer.domain.home import Home
from xinfer.domain.secrets import replica_secret
from xinfer.domain.state import Assigned, Desired, Observed
from xinfer.engines.registry import Registry
from xinfer.errors import StoreFailed, XinferError
from xinfer.gateway.admission import Admission
from xinfer.gateway.dialects import Dialects
from xinfer.gateway.fleet_metrics import FleetMetrics
from xinfer.gateway.media import Media
from xinfer.gateway.metrics import Metrics
from xinfer.gateway.relay import Gateway
from xinfer.gateway.running import Running
from xinfer.gateway.seats import SharedSeats
from xinfer.gateway.siblings import Siblings
from xinfer.gateway.table import Table
from xinfer.gateway.upstream import Pools
from xinfer.gateway.ways import Ways
from xinfer.launch.access import Access
from xinfer.launch.credentials import Credentials, credentials
from xinfer.launch.endpoint import url_host
from xinfer.launch.gunicorn import RoleApplication, Server
from xinfer.launch.resources import Parts, catalog_in, resources
from xinfer.launch.scratch import metrics_folder
from xinfer.launch.tls import tls_context
from xinfer.services.advice import Advice
from xinfer.services.estimates import Estimates
from xinfer.services.view import CachedView, States
from xinfer.store.cluster_store import ClusterStore
from xinfer.store.database import Database
from xinfer.store.watch import Watch

log = logging.getLogger("xinfer.supervisor")

_PLAN_S = 1.0
_BODY_S = 60.0


def serve(home: Home, settings: Settings) -> None:
    """Run the role; ends only with the process. Raises StoreFailed when the state is unusable."""
    home.database.parent.mkdir(parents=True, exist_ok=True)
    metrics = metrics_folder(home)
    metrics.mkdir(parents=True, exist_ok=True)
    for stale in metrics.iterdir():
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
    return settings.store.url or home.sqlite_url


class SupervisorProcess:
    """Everything that lives in one gunicorn process of the supervisor."""

    def __init__(self, home: Home, settings: Settings, secrets: Credentials) -> None:
        self._home = home
        self._secrets = secrets
        self._settings = settings
        self._database = database = Database(store_url(home, settings))
        self._store = ClusterStore(database)
        self._watch = Watch(self._store)
        self._access = Access(database, settings, secrets, self._refresh)
        self._states = States(desired=self._store, assigned=self._store, observed=self._store)
        self._view = CachedView(self._states, self._stamp)
        gateway = settings.gateway
        self._ways = Ways(processes=gateway.workers)
        self._pools = Pools(
            self._ways,
            connect_timeout_s=gateway.connect_timeout_s,
            read_timeout_s=gateway.read_timeout_s,
            secret=partial(replica_secret, home.cluster_token.read_text(encoding="utf-8").strip()),
        )
        self._table = Table(
            self._pools.keep, self._refresh, shared=gateway.workers > 1 and database.is_local
        )
        self._metrics = Metrics([FleetMetrics(self._read)])
        self._running = Running()
        self._siblings = Siblings(metrics_folder(home), str(os.getpid()), self._running)
        self._catalog = catalog_in(database)
        self._control = self._make_control()
        self._loop = Loop(self._control.step, name="control", interval_s=_PLAN_S)
        self._stopping = threading.Event()

    def start(self) -> App:
        """Begin to watch and plan; the application to serve."""
        self._watch.listen(self._swap_routes)
        self._watch.listen(self._loop.wake)
        self._watch.listen(self._access.directory.refresh)
        self._access.start()
        # Last: SQLite writes its log back into its file when the last connection is closed.
        atexit.register(self._database.close)
        atexit.register(self._access.stop)
        with suppress(StoreFailed):
            self._watch.look()
        for work in (self._watch.run, self._loop.run):
            threading.Thread(target=work, daemon=True).start()
        cluster = self._settings.cluster
        log.info("The supervisor serves at http://%s:%s.", cluster.host, cluster.port)
        self._siblings.listen()
        return create_app(routes(resources(self._parts())), self._access.gate())

    def stop(self) -> None:
        """Let another process plan, and end the waits of workers."""
        self._stopping.set()
        self._loop.stop()
        self._watch.stop()
        self._siblings.close()
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
            named=frozenset(self._settings.cluster.machines),
            clock=time.time,
            weighed=Estimates(self._catalog.families, self._catalog.fit),
            advised=Advice(
                self._catalog.families,
                self._catalog.fit,
                node_grace_s=self._settings.cluster.node_grace_s,
            ),
        )

    def _stamp(self) -> int:
        """Where others write too, it is read now: what one process has answered, none denies."""
        if self._settings.gateway.workers > 1 or not self._database.is_local:
            self._refresh()
        return self._watch.stamp

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
        # Not the kept view: what nodes count and measure changes without anything else changing.
        view = self._states.view()
        return view.desired, view.assigned, view.observed

    def _parts(self) -> Parts:
        settings = self._settings.gateway
        gateway = Gateway(
            self._table,
            Admission(
                settings.workers,
                SharedSeats(metrics_folder(self._home)) if settings.workers > 1 else None,
            ),
            self._pools,
            self._metrics,
            self._running,
            Dialects(lambda engine: Registry().get(engine).traits.dialect),
            Media(settings.media_hosts, settings.media_roots),
            errors.status_of,
        )
        return Parts(
            home=self._home,
            settings=self._settings,
            catalog=self._catalog,
            states=self._states,
            store=self._store,
            watch=self._watch,
            view=self._view,
            wait_for_reports=self._wait_unless_stopping,
            gateway=gateway,
            ways=self._ways,
            requests=self._siblings,
            access=self._access,
            auth=self._secrets.needed,
        )

    def _wait_unless_stopping(self, stamp: int, timeout_s: float) -> bool:
        return self._watch.wait(stamp, timeout_s) and not self._stopping.is_set()


def _forget_metrics(folder: Path, pid: int) -> None:
    """Gauges of a process that has ended must not be added up any more."""
    for path in folder.glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)
