"""The state on PostgreSQL: it may go away and come back, and several supervisors may share it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgresql import PostgreSQL, running
from tests.process.appliance import Appliance, wait_until
from tests.process.conftest import Start

RECIPE = "models:\n  parrot: {engine: echo}\n"


@pytest.fixture
def own() -> Iterator[PostgreSQL]:
    """A server that the test may stop."""
    with running() as server:
        yield server


def launch(one: Appliance, uid: str) -> int:
    body = {"model_name": uid, "model_engine": "echo", "model_uid": uid}
    return one.request("POST", "/v1/models", body)[0]


def test_it_serves_while_the_store_is_away_and_goes_on_when_it_is_back(
    appliance: Start, own: PostgreSQL
) -> None:
    one = appliance(RECIPE, f"store.url={own.make_database()}", "gateway.workers=2").start()
    one.wait_ready({"parrot": 1})
    engine = one.processes("xinfer: echo")[0].pid
    own.stop()
    assert launch(one, "second") == 503
    assert one.chat("parrot")[0] == 200
    own.start()
    wait_until("launches again", lambda: launch(one, "second") == 200)
    one.wait_ready({"parrot": 1, "second": 1})
    assert engine in [process.pid for process in one.processes("xinfer: echo")]
    assert one.interrupt() == 0
    one.recipe = None
    one.start().wait_ready({"parrot": 1, "second": 1})


def test_two_supervisors_share_it_and_either_one_serves_and_plans(
    appliance: Start, postgresql: PostgreSQL
) -> None:
    store = f"store.url={postgresql.make_database()}"
    first = appliance(RECIPE, store, "cluster.node=a").start()
    first.wait_ready({"parrot": 1})
    second = appliance(None, store, "cluster.role=supervisor", "cluster.node=b")
    (second.home / "run").mkdir(parents=True)
    token = (first.home / "run" / "cluster.token").read_text()
    (second.home / "run" / "cluster.token").write_text(token)
    second.start()
    second.wait_ready({"parrot": 1})
    assert second.chat("parrot")[0] == 200
    assert launch(second, "other") == 200
    first.wait_ready({"parrot": 1, "other": 1})
    assert first.chat("other")[0] == 200
