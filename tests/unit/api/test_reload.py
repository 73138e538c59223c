"""Options exchanged while a model serves."""

from __future__ import annotations

from typing import Any

import falcon.testing
import pytest

from tests.unit.api.conftest import KEY
from tests.unit.services.conftest import House, Shelf
from tests.unit.services.test_models import free
from xinfer.domain.model import ModelSpec
from xinfer.domain.replica import Phase
from xinfer.errors import Forbidden
from xinfer.services.reload import Reload

Client = falcon.testing.TestClient
HEAD = {"Authorization": f"Bearer {KEY}"}


def ask(api: Client, method: str, path: str = "", **more: Any) -> Any:
    return api.simulate_request(method, f"/v1/models/m/reload{path}", headers=HEAD, **more)


def test_a_reload_is_followed_until_it_is_done(api: Client, house: House) -> None:
    house.models.launch(free("m", options={"threads": 2}))
    house.settle()
    assert ask(api, "GET").json["stage"] == "ready"
    body = {"model_config": {"context_length": 9}, "drain_timeout": 5}
    begun = ask(api, "POST", json=body)
    assert (begun.status_code, begun.json["stage"]) == (202, "loading")
    assert begun.json["model_config"] == {"threads": 2, "n_ctx": 9}
    assert begun.json["drain_timeout"] == 5
    house.settle(Phase.LOADING)
    assert ask(api, "GET").json["stage"] == "loading"
    house.settle()
    house.settle()
    done = ask(api, "GET").json
    assert (done["stage"], done["operation_id"]) == ("ready", begun.json["operation_id"])
    back = ask(api, "POST", json={"model_config": {"n-ctx": None, "threads": 3}}).json
    assert back["model_config"] == {"threads": 3}
    assert back["drain_timeout"] == 5


def test_what_is_replaced_learns_how_long_its_requests_have(api: Client, house: House) -> None:
    house.models.launch(free("m"))
    house.settle()
    ask(api, "POST", json={"model_config": {"n_ctx": 9}, "drain_timeout": 5})
    house.control.step()
    old, new = house.store.assigned().replicas
    assert (old.spec.options, new.spec.options) == ({}, {"n_ctx": 9})
    assert (old.spec.drain_timeout_s, new.spec.drain_timeout_s) == (5, 5)


def test_what_a_reload_may_change(api: Client, house: House) -> None:
    house.models.launch(free("m", options={"threads": 2}))
    config = ask(api, "GET", "/config").json
    assert (config["engine"], config["can_upgrade_environment"]) == ("free", False)
    assert {each["name"]: each["value"] for each in config["parameters"]} == {
        "n_ctx": None,
        "threads": 2,
    }


def test_one_that_fails_says_why_and_the_old_replica_serves(api: Client, house: House) -> None:
    house.models.launch(free("m"))
    house.settle()
    ask(api, "POST", json={"model_config": {"n_ctx": 1}})
    house.settle(Phase.FAILED)
    failed = ask(api, "GET").json
    assert (failed["stage"], failed["error"]) == ("error", "weights of cheese")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"model_config": {"n_ctxx": 1}}, "Did you mean 'n_ctx'"),
        ({"model_config": {"n_ctx": "much"}}, "expected int"),
        ({"model_config": {"model_name": "x"}}, "model_config.model_name"),
        ({"model_config": {"replica": 2}}, "model_config.replica"),
        ({"model_config": {"engine_kwargs": 1}}, "engine_kwargs"),
        ({"model_config": {}, "python_executable": "/x"}, "python_executable"),
        ({"model_config": {}, "drain_timeout": 0}, "drain_timeout"),
        ({"model_config": {}, "more": 1}, "more"),
        ({}, "model_config"),
    ],
)
def test_what_cannot_be_changed_is_refused(
    api: Client, house: House, body: dict[str, Any], words: str
) -> None:
    house.models.launch(free("m"))
    refused = ask(api, "POST", json=body)
    assert (refused.status_code, words in refused.json["detail"]) == (400, True)
    assert house.store.desired().models["m"].options == {}


def test_a_model_that_there_is_not(api: Client) -> None:
    for method, path in (("GET", ""), ("GET", "/config"), ("POST", "")):
        refused = ask(api, method, path, json={"model_config": {}} if method == "POST" else None)
        assert (refused.status_code, "no model 'm'" in refused.json["detail"]) == (400, True)


def test_who_may_not_launch_so_may_not_reload_so(house: House) -> None:
    """What an administrator declared of the model is none of the caller's doing."""
    house.models.launch(free("m", options={"threads": 2}, env={"KEY": "hush"}))
    seen: list[ModelSpec] = []

    def refuse(asked: ModelSpec) -> None:
        seen.append(asked)
        raise Forbidden("Not this.")

    with pytest.raises(Forbidden):
        Reload(house.models, Shelf()).begin("m", {"context_length": 9}, refuse)
    assert [(one.uid, one.options, one.env) for one in seen] == [("m", {"n_ctx": 9}, {})]
    assert house.store.desired().models["m"].options == {"threads": 2}
