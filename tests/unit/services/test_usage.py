"""The ledger and the allowances: several processes, months, disks that fail."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.services.people import People
from xinfer.domain.identity import ANONYMOUS, Principal
from xinfer.domain.rate import Allowance
from xinfer.domain.record import UsageCount, UsageKey, UsageQuery
from xinfer.errors import Forbidden, Invalid, Limited, StoreFailed
from xinfer.services.keys import KeyChange
from xinfer.services.meter import Meter
from xinfer.services.usage import UsageRequest
from xinfer.store.database import Database
from xinfer.store.usage import UsageStore

NOVEMBER = 1_795_176_000.0  # 2026-11-20 12:00 UTC


@pytest.fixture
def people(tmp_path: Path) -> People:
    return People(f"sqlite:///{tmp_path}/x.db", now=NOVEMBER)


def limited(**allowance: int) -> Principal:
    return Principal(id="key:1", name="ci", allowance=Allowance(**allowance))


def test_requests_are_limited_per_minute_and_divided_over_processes(people: People) -> None:
    meter, caller = people.meter(share=2), limited(requests_per_minute=6)
    for _ in range(3):
        meter.admit(caller, "m")
    with pytest.raises(Limited, match="Rate limit reached: 6 requests per minute") as caught:
        meter.admit(caller, "m")
    people.now += caught.value.retry_after_s
    meter.admit(caller, "m")
    meter.admit(limited(requests_per_minute=60), "m"), "a changed allowance counts at once"
    meter.admit(ANONYMOUS, "m")


def test_tokens_are_limited_by_what_earlier_replies_took(people: People) -> None:
    meter, caller = people.meter(), limited(tokens_per_minute=100)
    meter.admit(caller, "m")
    meter.spent(caller, "m", 50, 250)
    with pytest.raises(Limited, match="100 tokens per minute") as caught:
        meter.admit(caller, "m")
    assert 120 <= caught.value.retry_after_s <= 121
    people.now += caught.value.retry_after_s
    meter.admit(caller, "m")


def test_another_model_is_refused_before_anything_is_counted(people: People) -> None:
    caller = Principal(id="key:1", name="ci", models=frozenset({"m"}))
    people.meter().admit(caller, "m")
    with pytest.raises(Forbidden, match="'n'"):
        people.meter().admit(caller, "n")


def test_a_months_quota_is_shared_by_all_processes_and_renewed(people: People) -> None:
    first, second, caller = people.meter(), people.meter(), limited(tokens_per_month=100)
    first.admit(caller, "m")
    second.admit(caller, "m")
    first.spent(caller, "m", 60, 0)
    second.spent(caller, "m", 0, 60)
    first.admit(caller, "m")
    first.flush()
    second.flush()
    for meter in (second, people.meter()):
        with pytest.raises(Limited, match="quota of 100 tokens"):
            meter.admit(caller, "m")
    first.admit(caller, "m")
    first.flush()
    with pytest.raises(Limited) as caught:
        first.admit(caller, "m")
    people.now += caught.value.retry_after_s
    assert people.now == 1_796_083_200.0, "the first second of December"
    first.admit(caller, "m")


class FullDisk(UsageStore):
    """Refuses as long as it is full."""

    full = True

    def add(self, counts: Mapping[UsageKey, UsageCount]) -> None:
        if self.full:
            raise StoreFailed("no space left")
        super().add(counts)


def test_counts_outlive_a_store_that_fails(people: People) -> None:
    ledger = FullDisk(Database(people.url))
    meter = Meter(ledger, clock=people.clock)
    meter.spent(ANONYMOUS, "m", 3, 4)
    with pytest.raises(StoreFailed):
        meter.flush()
    meter.spent(ANONYMOUS, "m", 3, 4)
    ledger.full = False
    meter.flush()
    meter.flush()
    ((_, count),) = ledger.lines(UsageQuery())
    assert (count.requests, count.tokens_in, count.tokens_out) == (2, 6, 8)


def test_people_see_their_own_usage_and_administrators_everybodys(people: People) -> None:
    people.users.create(people.admin, "bob", "correct horse", ["models:read"])
    bob = people.directory.identify(people.sessions.login("bob", "correct horse", "").access_token)
    kept, key = people.keys.create(people.admin, KeyChange(name="bobs"), owner="bob")
    meter = people.meter()
    for caller in (people.admin, bob, people.directory.identify(key), ANONYMOUS):
        meter.spent(caller, "m", 1, 2)
    people.now += 86400
    meter.spent(bob, "n", 1, 2)
    meter.flush()

    def seen(by: Principal, **asked: str) -> list[tuple[object, ...]]:
        lines = people.usage.lines(by, UsageRequest(**asked))
        return [(line["day"], line["name"], line["model"]) for line in lines]

    assert len(seen(people.admin)) == 5
    both = [("2026-11-20", "bobs", "m"), ("2026-11-20", "bob", "m"), ("2026-11-21", "bob", "n")]
    assert seen(bob) == both
    assert seen(people.directory.identify(key)) == both[:1]
    assert seen(bob, key="admin key") == seen(bob, key=people.admin.id) == []
    assert seen(people.admin, key="bob") == both[1:]
    assert seen(people.admin, key=kept.prefix) == seen(people.admin, key="bobs") == both[:1]
    assert seen(people.admin, model="n", first_day="2026-11-21", last_day="2026-11-21") == both[2:]
    with pytest.raises(Invalid, match="'from' must be a day"):
        seen(people.admin, first_day="yesterday")
