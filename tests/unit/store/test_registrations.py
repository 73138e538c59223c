"""Registrations outlive their store's process, and every one of a name is remembered."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.store.conftest import on_both
from xinfer.errors import Conflict
from xinfer.store.cluster_store import ClusterStore
from xinfer.store.database import Database
from xinfer.store.registrations import Registrations

pytestmark = on_both


def test_a_name_is_registered_once_at_a_time_and_counted(
    database: Callable[[], Database],
) -> None:
    times = iter(range(1, 100))
    store = Registrations(database(), clock=lambda: next(times))
    watched = ClusterStore(database())
    before = watched.stamp()
    first = store.register("LLM", "mine", '{"a": 1}')
    assert (first.version, watched.stamp()) == (1, before + 1)
    with pytest.raises(Conflict, match="'mine' is registered already"):
        store.register("LLM", "mine", "{}")
    store.register("embedding", "mine", "{}")
    assert store.unregister("LLM", "mine")
    assert not store.unregister("LLM", "mine")
    assert store.register("LLM", "mine", '{"a": 2}').version == 2

    again = Registrations(database())
    assert [(one.kind, one.body) for one in again.registrations()] == [
        ("embedding", "{}"),
        ("LLM", '{"a": 2}'),
    ]
    told = [(one.version, one.body, one.removed_s) for one in again.history("LLM", "mine")]
    assert told == [(1, '{"a": 1}', 3.0), (2, '{"a": 2}', None)]
