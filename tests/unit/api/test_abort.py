"""Aborting requests: by whom, and what is answered."""

from __future__ import annotations

from typing import Any

import falcon.testing
import pytest

from tests.unit.api.conftest import KEY
from tests.unit.services.conftest import House
from tests.unit.services.people import People
from tests.unit.services.test_models import free
from xinfer.gateway.running import Running
from xinfer.services.keys import KeyChange

Client = falcon.testing.TestClient


def abort(api: Client, request_id: str, key: str = KEY, **more: Any) -> Any:
    return api.simulate_post(
        f"/v1/models/m/requests/{request_id}/abort",
        headers={"Authorization": f"Bearer {key}"},
        **more,
    )


def test_what_runs_is_aborted_and_what_does_not_is_said_to_be_absent(
    api: Client, house: House, running: Running
) -> None:
    assert abort(api, "r").json == {"msg": "NO_OP"}
    house.models.launch(free("m"))
    ticket = running.enter("m", {"r"}, "somebody")
    assert abort(api, "r", json={"block_duration": 0}).json == {"msg": "DONE"}
    assert ticket.ended == "r"
    assert abort(api, "x").json == {"msg": "NOT_FOUND"}


@pytest.mark.parametrize("body", [{"block_duration": -1}, {"block_duration": "x"}, []])
def test_a_wrong_body_is_refused(api: Client, house: House, body: Any) -> None:
    house.models.launch(free("m"))
    assert abort(api, "r", json=body).status_code == 400


def test_a_plain_key_ends_its_own_requests_only(
    api: Client, house: House, people: People, running: Running
) -> None:
    house.models.launch(free("m"))
    kept, secret = people.keys.create(people.admin, KeyChange(name="k", scopes=("models:read",)))
    ticket = running.enter("m", {"r"}, "somebody")
    assert abort(api, "r", secret).json == {"msg": "NOT_FOUND"}
    assert not ticket.ended
    own = running.enter("m", {"o"}, f"key:{kept.id}")
    assert abort(api, "o", secret).json == {"msg": "DONE"}
    assert own.ended == "o"
