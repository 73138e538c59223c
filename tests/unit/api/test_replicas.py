"""Replicas added and removed, launches withdrawn, instances listed; workers and addresses."""

from __future__ import annotations

from typing import Any

import falcon.testing
import pytest

from tests.unit.api.conftest import KEY
from tests.unit.domain.clusters import node
from tests.unit.services.conftest import House
from tests.unit.services.test_models import free
from xinfer.domain.model import Placement
from xinfer.domain.replica import Phase
from xinfer.gateway.fleet_metrics import FleetMetrics

Client = falcon.testing.TestClient
HEAD = {"Authorization": f"Bearer {KEY}"}


def ask(api: Client, method: str, path: str, **more: Any) -> Any:
    return api.simulate_request(method, path, headers=HEAD, **more)


def test_replicas_are_added_and_any_one_of_them_can_leave(api: Client, house: House) -> None:
    house.models.launch(free("m"))
    house.settle()
    house.script = [house.settle]
    added = ask(api, "POST", "/v1/models/m/replicas", json={"replica": 2}).json
    assert [each["replica_id"] for each in added["replicas"]] == [1, 2]
    assert added["replicas"][0]["worker_address"]
    left = ask(api, "DELETE", "/v1/models/m/replicas/1").json
    assert left == {"remaining_replicas": 2}
    again = ask(api, "DELETE", "/v1/models/m/replicas/1")
    assert (again.status_code, "It has: 0, 2" in again.json["detail"]) == (400, True)
    house.settle()
    listed = ask(api, "GET", "/v1/models/m/replicas").json
    assert [each["replica_model_uid"] for each in listed] == ["m-rep0", "m-rep2"]
    house.script = [house.settle]
    # The name is free again once nobody has it.
    assert ask(api, "POST", "/v1/models/m/replicas").json["replica_model_uid"] == "m-rep1"
    assert ask(api, "POST", "/v1/models/nobody/replicas").status_code == 400


def test_a_replica_that_no_node_has_taken_yet_has_no_name(api: Client, house: House) -> None:
    house.models.launch(free("m"))
    added = ask(api, "POST", "/v1/models/m/replicas").json
    assert added == {"replica_id": None, "replica_model_uid": None, "worker_address": None}
    assert house.store.desired().models["m"].replicas == 2
    assert ask(api, "POST", "/v1/models/m/replicas", json={"replica": 0}).status_code == 400


def test_a_launch_is_withdrawn_but_not_what_serves(api: Client, house: House) -> None:
    house.models.launch(free("m"))
    house.settle(Phase.READY)
    assert ask(api, "POST", "/v1/models/m/cancel").status_code == 409
    house.models.launch(free("n"))
    done = ask(api, "POST", "/v1/models/n/cancel")
    assert (done.status_code, done.text) == (200, "null")
    assert list(house.store.desired().models) == ["m"]


@pytest.mark.parametrize("phase", [Phase.READY, Phase.FAILED, Phase.LOADING])
def test_instances_say_how_far_they_are(api: Client, house: House, phase: Phase) -> None:
    house.models.launch(free("m"))
    house.settle(phase)
    (found,) = ask(api, "GET", "/v1/models/instances").json
    words = {Phase.READY: "READY", Phase.FAILED: "ERROR", Phase.LOADING: "LOADING"}
    assert (found["model_uid"], found["status"]) == ("m", words[phase])
    assert ask(api, "GET", "/v1/models/instances", params={"model_uid": "x"}).json == []


def test_the_cluster_in_the_words_of_the_client(api: Client, house: House) -> None:
    house.models.launch(free("m"))
    house.settle(Phase.READY)
    (worker,) = ask(api, "GET", "/v1/workers").json
    assert worker["models"] == {"m-rep0": "m"}
    assert ask(api, "GET", "/v1/supervisor").json == {"supervisor_ip": "127.0.0.1:9997"}
    assert ask(api, "GET", "/v1/address").json == "127.0.0.1:9997"
    assert ask(api, "GET", "/v1/cluster/devices").json == 0
    assert ask(api, "GET", "/v1/cluster/version").json["version"]


def test_what_only_a_lost_node_has_is_not_called_ready(api: Client, house: House) -> None:
    def told() -> tuple[str, int, str]:
        (model,) = ask(api, "GET", "/v1/models").json["data"]
        assert model == ask(api, "GET", "/v1/models/m").json
        return model["state"], model["replicas_ready"], model["reason"]

    def pass_time(*speaking: str) -> None:
        for _ in range(8):
            house.now += 10
            house.sequence += 1
            for name in speaking:
                house.reports.report(node(name, sequence=house.sequence).report)
            house.control.step()
        house.watch.look()

    house.models.launch(free("m", placement=Placement(node="a")))
    house.settle()
    assert told() == ("ready", 1, "")
    pass_time()
    assert told() == ("loading", 0, "its node 'a' is lost")
    pass_time("b")
    assert told()[:2] == ("failed", 0)
    assert told()[2].startswith("Node 'a' is lost. ")
    (replica,) = ask(api, "GET", "/v1/models/m/replicas").json
    assert (replica["status"], replica["error_message"]) == ("ERROR", "its node 'a' is lost")
    view = house.models.view()
    assert view.routes()["m"].upstreams, "requests are tried there all the same"
    figures = FleetMetrics(lambda: (view.desired, view.assigned, view.observed)).collect()
    assert [one.value for one in next(iter(figures)).samples] == [0.0]
    house.report()
    house.control.step()
    house.watch.look()
    assert told() == ("ready", 1, "")
