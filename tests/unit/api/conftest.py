"""The management API over real services and a real store, called without a socket."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import falcon
import falcon.testing
import pytest

from tests.unit.api.documented import DocumentedClient
from tests.unit.half_hub import HalfWorkers
from tests.unit.services.conftest import House, Shelf, house
from tests.unit.services.people import ADMIN_KEY, People
from xinfer.api.app import Gate, create_app
from xinfer.api.auth import Authenticator
from xinfer.api.cors import Cors
from xinfer.api.resources.abort import Abort
from xinfer.api.resources.autostart import Autostart as AutostartResource
from xinfer.api.resources.caches import Caches as CachesResource
from xinfer.api.resources.cluster import Cluster as ClusterResource
from xinfer.api.resources.docs import Docs
from xinfer.api.resources.downloads import Downloads as DownloadsResource
from xinfer.api.resources.engines import Engines
from xinfer.api.resources.instances import Instances
from xinfer.api.resources.keys import Keys
from xinfer.api.resources.logs import Logs
from xinfer.api.resources.memory import Memory
from xinfer.api.resources.models import Model, ModelParts, Models
from xinfer.api.resources.nodes import NodeAssignment, NodeReports, NodeWay
from xinfer.api.resources.recipe import Recipe
from xinfer.api.resources.registrations import Lists
from xinfer.api.resources.registrations import Registrations as RegistrationsResource
from xinfer.api.resources.reload import Reload as ReloadResource
from xinfer.api.resources.replicas import Replicas
from xinfer.api.resources.token import Setup, Token
from xinfer.api.resources.ui import Ui
from xinfer.api.resources.usage import Audit, Usage
from xinfer.api.resources.users import Users
from xinfer.api.routes import AccessResources, CatalogResources, Resources, routes
from xinfer.domain.cached import CachedModel
from xinfer.domain.node import Contact
from xinfer.gateway.running import Running
from xinfer.gateway.ways import Ways
from xinfer.services.autostart import Autostart
from xinfer.services.caches import Caches
from xinfer.services.cluster import Cluster
from xinfer.services.descriptions import Descriptions
from xinfer.services.downloads import Downloads
from xinfer.services.fit import Fit
from xinfer.services.launch_rights import LaunchRights
from xinfer.services.memory import Memory as MemoryService
from xinfer.services.offers import Offers
from xinfer.services.registrations import Registrations
from xinfer.services.reload import Reload
from xinfer.services.versions import Versions
from xinfer.services.view import CachedView, States

__all__ = ["house"]

TOKEN = "cluster-secret"
KEY = ADMIN_KEY


class Elsewhere:
    """Stands where the gateway's resources stand; their tests are elsewhere."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = "elsewhere"

    on_post = on_get


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "cluster.token"
    path.write_text(TOKEN)
    return path


@pytest.fixture
def people(tmp_path: Path) -> People:
    return People(f"sqlite:///{tmp_path}/people.db")


class NoFiles:
    """Workers that keep nothing."""

    def cached(self, _worker: Contact) -> tuple[CachedModel, ...]:
        return ()

    def remove(self, _address: str, _hub: str, _ref: str) -> bool:
        return False


@pytest.fixture
def workers(tmp_path: Path) -> HalfWorkers:
    return HalfWorkers(tmp_path)


def catalog_resources(house: House, workers: HalfWorkers) -> CatalogResources:
    registrations = Registrations(house.families, house.registrations, house.changed)
    offers = Offers(
        Shelf(),
        house.families,
        Fit(Shelf()),
        lambda: tuple(house.models.view().rooms().values()),
    )
    service = Downloads(
        house.models,
        house.families,
        workers,
        house.models.view,
        pause=lambda seconds: not threading.Event().wait(seconds / 10),
        grace_s=60,
        clock=lambda: house.now,
    )
    downloads = DownloadsResource(service, LaunchRights())
    return CatalogResources(
        registrations=RegistrationsResource(registrations),
        lists=Lists(registrations),
        engines=Engines(offers),
        memory=Memory(MemoryService(house.families, lambda: house.models.view().rooms())),
        caches=CachesResource(Caches(house.families, NoFiles(), house.models.view), downloads),
        downloads=downloads,
    )


def access_resources(people: People) -> AccessResources:
    return AccessResources(
        token=Token(people.sessions),
        setup=Setup(people.users, auth=True),
        users=Users(people.users),
        keys=Keys(people.keys, people.directory),
        usage=Usage(people.usage),
        audit=Audit(people.audit),
    )


@pytest.fixture
def running() -> Running:
    return Running()


@pytest.fixture
def api(
    house: House, token_file: Path, people: People, running: Running, workers: HalfWorkers
) -> falcon.testing.TestClient:
    """A client with the API key of an administrator."""
    store = house.store
    states = States(desired=store, assigned=store, observed=store)
    view = CachedView(states, lambda: house.watch.stamp)
    elsewhere: Any = Elsewhere()
    descriptions = Descriptions(house.families, Shelf())
    listed = Models(house.models, view, LaunchRights(), descriptions)
    resources = Resources(
        inference=elsewhere,
        models=listed,
        model=Model(house.models, descriptions),
        parts=ModelParts(house.models, store),
        replicas=Replicas(house.models, house.replicas),
        reload=ReloadResource(Reload(house.models, Shelf()), LaunchRights()),
        instances=Instances(
            house.models.view, descriptions, Versions(house.families), listed.begin
        ),
        autostart=AutostartResource(Autostart(house.models), house.models, LaunchRights()),
        abort=Abort(house.models, running),
        logs=Logs(house.models, token_file, Ways()),
        recipe=Recipe(house.recipes),
        cluster=ClusterResource(
            Cluster(store, store, address="127.0.0.1:9997", grace_s=60, clock=lambda: house.now),
            auth=True,
            stop=lambda: False,
        ),
        reports=NodeReports(house.reports),
        assignment=NodeAssignment(house.reports),
        way=NodeWay(Ways(), house.models.view),
        health=elsewhere,
        readiness=elsewhere,
        metrics=elsewhere,
        ui=Ui(),
        docs=Docs(),
        access=access_resources(people),
        catalog=catalog_resources(house, workers),
    )
    gate = Gate(
        authenticator=Authenticator(enabled=True, directory=people.directory, cluster_token=TOKEN),
        cors=Cors(["https://chat.example.org"], credentials_needed=True),
        audit=people.audit,
    )
    return DocumentedClient(
        create_app(routes(resources), gate), headers={"Authorization": f"Bearer {KEY}"}
    )
