"""Users, keys, sessions, the audit log and the ledger in a real SQLite file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.store.conftest import Open, on_both
from xinfer.domain.identity import ApiKey, Scope, User
from xinfer.domain.rate import Allowance
from xinfer.domain.record import AuditEntry, AuditQuery, Guesses, UsageCount, UsageKey, UsageQuery
from xinfer.errors import Conflict, Limited, NotFound
from xinfer.store import audit
from xinfer.store.audit import AuditStore
from xinfer.store.database import Database
from xinfer.store.identity import IdentityStore
from xinfer.store.usage import UsageStore

ANN = User(id=0, username="ann", password_hash="h", scopes=frozenset({Scope.ADMIN}))
KEY = ApiKey(
    id=0,
    owner_id=None,
    name="ci",
    prefix="xf-abcd",
    digest="d1",
    models=frozenset({"m"}),
    allowance=Allowance(requests_per_minute=3),
    expires_s=5.0,
)

pytestmark = on_both


@pytest.fixture
def identities(database: Callable[[], Database]) -> IdentityStore:
    return IdentityStore(database())


def test_what_was_written_is_read_by_another_process_and_wakes_it(
    identities: IdentityStore, database: Callable[[], Database], open_store: Open
) -> None:
    other, stamp = IdentityStore(database()), open_store().stamp()
    ann = identities.add_user(ANN)
    key = identities.add_key(replace(KEY, owner_id=ann.id))
    known = other.identities()
    assert (known.users, known.keys) == ((ann,), (key,))
    assert known.revision == other.identity_revision() == 2
    assert open_store().stamp() > stamp

    off = identities.change_key(key.id, lambda one: replace(one, enabled=False))
    assert other.identities().keys == (off,)
    identities.remove_user(ann.id)
    assert other.identities().users == other.identities().keys == (), "keys go with their owner"
    for vain in (identities.remove_user, identities.remove_key):
        with pytest.raises(NotFound):
            vain(1)


def test_no_number_is_given_twice(identities: IdentityStore) -> None:
    ann, key = identities.add_user(ANN), identities.add_key(KEY)
    identities.remove_key(key.id)
    identities.remove_user(ann.id)
    assert identities.add_key(KEY).id > key.id
    assert identities.add_user(ANN).id > ann.id


def test_usernames_are_unique_and_the_first_user_is_first_once(identities: IdentityStore) -> None:
    ann = identities.add_user(ANN, first=True)
    with pytest.raises(Conflict, match="users already"):
        identities.add_user(replace(ANN, username="eve"), first=True)
    with pytest.raises(Conflict, match="'ann' already"):
        identities.add_user(ANN)
    bob = identities.add_user(replace(ANN, username="bob"))
    with pytest.raises(Conflict):
        identities.change_user(bob.id, lambda user: replace(user, username="ann"))
    assert identities.change_user(ann.id, lambda user: user) == ann


def test_a_refresh_token_works_once_and_a_second_use_ends_all_sessions(
    identities: IdentityStore,
) -> None:
    for digest in ("first", "second"):
        identities.keep_session(digest, 1, expires_s=100, now_s=0)
    identities.keep_session("of another", 2, expires_s=100, now_s=0)
    assert identities.use_session("first", 1) == 1
    assert identities.use_session("first", 2) is None
    assert identities.use_session("second", 2) is None
    assert identities.use_session("of another", 101) is None, "it has expired"
    assert identities.use_session("of another", 3) == 2


def entry(target: str = "ann", at_s: float = 1000.0, address: str = "10.0.0.1") -> AuditEntry:
    return AuditEntry(
        at_s=at_s,
        principal="anonymous",
        address=address,
        action="login",
        target=target,
        outcome="failed",
    )


def test_guesses_are_counted_per_user_since_success_and_per_address(
    database: Callable[[], Database],
) -> None:
    log, seen = AuditStore(database()), list[Guesses]()
    for at_s in (1.0, 1000.0, 1001.0):
        log.attempt(entry(at_s=at_s), seen.append)
    right = log.attempt(entry(at_s=1002.0), seen.append)
    log.settle(right, "user:1", "ok")
    log.attempt(entry(at_s=1003.0), seen.append)
    log.attempt(entry("bob", at_s=1004.0), seen.append)
    log.attempt(entry("bob", at_s=1005.0, address="10.0.0.2"), seen.append)
    assert [(one.by_user, one.by_address) for one in seen] == [
        *((0, 0), (0, 0), (1, 1), (2, 2), (0, 2), (0, 3), (1, 0)),
    ]
    assert seen[3].user_last_s == 1001.0

    def refuse(_guesses: Guesses) -> None:
        raise Limited("wait")

    before = log.search(AuditQuery())
    with pytest.raises(Limited):
        log.attempt(entry(), refuse)
    assert log.search(AuditQuery()) == before, "a refused attempt leaves nothing"


def test_the_audit_log_is_searched_newest_first_and_bounded(
    database: Callable[[], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_KEPT", 10)
    monkeypatch.setattr(audit, "_PRUNE_EVERY", 5)
    log = AuditStore(database())
    for number in range(1, 41):
        log.record(replace(entry(at_s=float(number)), target=f"t{number % 2}"))
    ids = [one.id for one in log.search(AuditQuery())]
    assert ids == list(range(40, 30, -1))
    assert [one.id for one in log.search(AuditQuery(target="t1", before=37, limit=2))] == [35, 33]
    assert {one.at_s for one in log.search(AuditQuery(since_s=39))} == {39.0, 40.0}


def test_counts_of_all_processes_add_up(database: Callable[[], Database]) -> None:
    first, second = UsageStore(database()), UsageStore(database())
    key = UsageKey(day="2026-11-20", principal="key:1", model="m")
    later = replace(key, day="2026-12-01")
    one = UsageCount(requests=1, tokens_in=10, tokens_out=5)
    first.add({key: one, later: one})
    second.add({key: one})
    second.add({})
    assert first.lines(UsageQuery()) == ((key, one + one), (later, one))
    assert first.lines(UsageQuery(first_day="2026-11-21")) == ((later, one),)
    assert first.lines(UsageQuery(last_day="2026-11-20", model="m")) == ((key, one + one),)
    assert first.lines(UsageQuery(principals=("key:2",))) == ()
    assert first.tokens("2026-11", ["key:1", "key:2"]) == {"key:1": 30}
