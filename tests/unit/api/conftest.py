"""The management API over real services and a real store, called without a socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import falcon
import falcon.testing
import pytest

from tests.unit.services.conftest import House, house
from xinfer.api.app import create_app
from xinfer.api.auth import Authenticator
from xinfer.api.resources.cluster import Cluster as ClusterResource
from xinfer.api.resources.logs import Logs
from xinfer.api.resources.models import Model, ModelParts, Models
from xinfer.api.resources.nodes import NodeAssignment, NodeReports
from xinfer.api.resources.recipe import Recipe
from xinfer.api.routes import Resources, routes
from xinfer.services.cluster import Cluster
from xinfer.services.view import CachedView, States

__all__ = ["house"]

TOKEN = "cluster-secret"
KEY = "user-key"


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
def api(house: House, token_file: Path) -> falcon.testing.TestClient:
    """A client with the API key of a user."""
    store = house.store
    states = States(desired=store, assigned=store, observed=store)
    view = CachedView(states, lambda: house.watch.stamp)
    elsewhere: Any = Elsewhere()
    resources = Resources(
        inference=elsewhere,
        models=Models(house.models, view),
        model=Model(house.models),
        parts=ModelParts(house.models, store),
        logs=Logs(house.models, token_file),
        recipe=Recipe(house.recipes),
        cluster=ClusterResource(
            Cluster(store, address="127.0.0.1:9997", grace_s=60, clock=lambda: house.now),
            auth=True,
        ),
        reports=NodeReports(house.reports),
        assignment=NodeAssignment(house.reports),
        health=elsewhere,
        readiness=elsewhere,
        metrics=elsewhere,
    )
    authenticator = Authenticator(enabled=True, keys=[KEY], cluster_token=TOKEN)
    return falcon.testing.TestClient(
        create_app(routes(resources), authenticator), headers={"Authorization": f"Bearer {KEY}"}
    )
