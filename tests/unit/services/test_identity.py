"""Users, sessions and keys: what they may, what ends them, and who may give what to whom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jwt
import pytest

from tests.unit.services.people import ADMIN_KEY, SECRET, People
from xinfer.domain.identity import Scope
from xinfer.domain.rate import Allowance
from xinfer.domain.record import AuditQuery
from xinfer.errors import Conflict, Forbidden, Invalid, Limited, NotFound, StoreFailed, Unauthorized
from xinfer.services.keys import KeyChange
from xinfer.services.users import PasswordChange, UserChange

PASSWORD = "correct horse"
NEW = PasswordChange(new="a new password")


@pytest.fixture
def people(tmp_path: Path) -> People:
    return People(f"sqlite:///{tmp_path}/x.db")


@pytest.fixture
def elsewhere(people: People) -> People:
    """Another process over the same store."""
    return People(people.url)


def test_the_first_user_administers_and_needs_the_admin_key(people: People) -> None:
    assert people.users.needs_setup()
    with pytest.raises(Unauthorized, match="setup token"):
        people.users.check_setup_token("guess", "10.0.0.1")
    people.users.check_setup_token(ADMIN_KEY, "10.0.0.1")
    ann = people.users.set_up("ann", PASSWORD)
    assert ann.scopes == {Scope.ADMIN}
    with pytest.raises(Forbidden, match="set up"):
        people.users.set_up("eve", PASSWORD)
    with pytest.raises(Invalid, match="8 to 1024 characters, not 5"):
        people.users.create(people.admin, "bob", "short", None)


def test_a_login_is_seen_by_every_process_and_ends_with_the_password(
    people: People, elsewhere: People
) -> None:
    ann = people.users.set_up("ann", PASSWORD)
    session = people.sessions.login("ann", PASSWORD, "10.0.0.1")
    claims = jwt.decode(session.access_token, SECRET, ["HS256"], options={"verify_exp": False})
    assert claims == {
        "sub": "ann",
        "user_id": ann.id,
        "scopes": ["admin"],
        "token_version": 0,
        "exp": int(people.now + 1800),
        "type": "access",
    }
    elsewhere.directory.refresh()
    for _ in range(2):
        assert elsewhere.directory.identify(session.access_token).name == "ann"
    me = people.directory.identify(session.access_token)
    with pytest.raises(Unauthorized, match="old password"):
        people.users.set_password(me, ann.id, replace(NEW, old="wrong one"))
    people.users.set_password(me, ann.id, replace(NEW, old=PASSWORD))
    elsewhere.directory.refresh()
    for process in (people, elsewhere):
        with pytest.raises(Unauthorized, match="session has ended"):
            process.directory.identify(session.access_token)
    with pytest.raises(Unauthorized):
        people.sessions.refresh(session.refresh_token)
    assert people.sessions.login("ann", NEW.new, "10.0.0.1")


def test_what_one_process_has_given_out_is_good_in_all_others(
    people: People, elsewhere: People
) -> None:
    _, key = people.keys.create(people.admin, KeyChange(name="k"))
    assert elsewhere.directory.identify(key).name == "k"
    people.users.set_up("ann", PASSWORD)
    session = people.sessions.login("ann", PASSWORD, "10.0.0.1")
    assert elsewhere.directory.identify(session.access_token).name == "ann"


def test_refreshing_rotates_and_an_access_token_lives_half_an_hour(people: People) -> None:
    people.users.set_up("ann", PASSWORD)
    first = people.sessions.login("ann", PASSWORD, "10.0.0.1")
    assert people.directory.identify(first.access_token)
    people.now += 1800
    with pytest.raises(Unauthorized, match="expired"):
        people.directory.identify(first.access_token)
    second = people.sessions.refresh(first.refresh_token)
    assert people.directory.identify(second.access_token).name == "ann"
    with pytest.raises(Unauthorized):
        people.sessions.refresh(first.refresh_token)
    with pytest.raises(Unauthorized):
        people.sessions.refresh(second.refresh_token), "a stolen token ends all of the user's"
    people.directory.refresh()
    with pytest.raises(Unauthorized, match="session has ended"):
        people.directory.identify(second.access_token)
    third = people.sessions.login("ann", PASSWORD, "10.0.0.1")
    people.sessions.logout(third.refresh_token)
    with pytest.raises(Unauthorized):
        people.sessions.refresh(third.refresh_token)


def forged(**claims: object) -> str:
    whole = {"sub": "ann", "user_id": 1, "token_version": 0, "exp": 2e9, "type": "access"}
    return jwt.encode(whole | claims, SECRET, "HS256")


@pytest.mark.parametrize(
    "token",
    [
        "a.b.c",
        "..",
        jwt.encode({"user_id": 1}, "other secret" * 4, "HS256"),
        jwt.encode({"user_id": 1, "token_version": 0, "exp": 2e9}, None, "none"),  # type: ignore[arg-type]
        jwt.encode({"user_id": 1, "token_version": 0, "exp": 2e9}, SECRET, "HS512"),
        forged(type="refresh"),
        forged(user_id="x"),
        forged(user_id=99),
        forged(exp=1),
        f"{forged()[:-4]}AAAA",
    ],
)
def test_tokens_that_are_not_ours_are_refused(people: People, token: str) -> None:
    people.users.set_up("ann", PASSWORD)
    assert people.directory.identify(forged()).name == "ann"
    with pytest.raises(Unauthorized):
        people.directory.identify(token)


def test_guessing_a_password_is_slowed_down_by_user_and_by_address(people: People) -> None:
    people.users.set_up("ann", PASSWORD)
    for _ in range(5):
        with pytest.raises(Unauthorized, match="Incorrect username or password"):
            people.sessions.login("ann", "wrong one", "10.0.0.1")
    with pytest.raises(Limited) as caught:
        people.sessions.login("ann", PASSWORD, "10.0.0.2")
    assert caught.value.retry_after_s == 1
    people.now += 1
    assert people.sessions.login("ann", PASSWORD, "10.0.0.2"), "waiting is enough"
    assert people.sessions.login("ann", PASSWORD, "10.0.0.1")
    for number in range(15):
        with pytest.raises(Unauthorized):
            people.sessions.login(f"nobody{number}", PASSWORD, "10.0.0.1")
    with pytest.raises(Limited):
        people.sessions.login("ann", PASSWORD, "10.0.0.1")
    assert people.sessions.login("ann", PASSWORD, "10.0.0.3")
    outcomes = [(one["target"], one["outcome"]) for one in people.audit.search(AuditQuery())]
    assert outcomes.count(("ann", "failed")) == 5
    assert outcomes.count(("ann", "ok")) == 3


def test_guessing_goes_no_faster_with_an_account_or_a_session_of_ones_own(people: People) -> None:
    ann = people.users.set_up("ann", PASSWORD)
    people.users.create(people.admin, "eve", PASSWORD, ["models:list"])
    for number in range(20):
        assert people.sessions.login("eve", PASSWORD, "10.0.0.1")
        with pytest.raises(Unauthorized):
            people.sessions.login(f"nobody{number}", PASSWORD, "10.0.0.1")
    with pytest.raises(Limited):
        people.sessions.login("eve", PASSWORD, "10.0.0.1")
    _, key = people.keys.create(people.admin, KeyChange(name="anns"), owner="ann")
    by = people.directory.identify(key)
    for _ in range(5):
        with pytest.raises(Unauthorized, match="old password"):
            people.users.set_password(by, ann.id, replace(NEW, old="wrong one"))
    with pytest.raises(Limited):
        people.users.set_password(by, ann.id, replace(NEW, old=PASSWORD))


def test_a_key_is_shown_once_and_does_what_was_asked(people: People, elsewhere: People) -> None:
    wanted = KeyChange(name="ci", models=(frozenset({"m"}),), expires_s=(people.now + 60,))
    kept, key = people.keys.create(people.admin, wanted)
    assert len(key) == 51
    assert key.startswith("xf-")
    assert key[3:].isalnum()
    assert kept.prefix == key[:10]
    assert key[10:] not in Path(people.url.removeprefix("sqlite:///")).read_bytes().decode(
        errors="replace"
    )
    elsewhere.directory.refresh()
    caller = elsewhere.directory.identify(key)
    assert (caller.id, caller.name, caller.models) == ("key:1", "ci", {"m"})
    assert caller.scopes == {Scope.MODELS_LIST, Scope.MODELS_READ}
    elsewhere.now += 60
    with pytest.raises(Unauthorized, match="expired"):
        elsewhere.directory.identify(key)
    people.keys.change(people.admin, kept.id, KeyChange(expires_s=(None,), enabled=False))
    with pytest.raises(Unauthorized, match="disabled"):
        people.directory.identify(key)
    people.keys.change(people.admin, kept.id, KeyChange(enabled=True, models=(None,)))
    assert people.directory.identify(key).models is None
    people.keys.revoke(people.admin, kept.id)
    with pytest.raises(Unauthorized, match="not valid"):
        people.directory.identify(key)
    with pytest.raises(NotFound):
        people.keys.revoke(people.admin, kept.id)


def test_a_key_never_does_more_than_its_owner_may(people: People) -> None:
    bob = people.users.create(
        people.admin, "bob", PASSWORD, ["models:read", "models:write", "keys:create"]
    )
    token = people.sessions.login("bob", PASSWORD, "").access_token
    as_bob = people.directory.identify(token)
    with pytest.raises(Forbidden, match="'admin'"):
        people.keys.create(as_bob, KeyChange(name="k", scopes=("admin",)))
    _, key = people.keys.create(as_bob, KeyChange(name="k", scopes=("models:start",)))
    assert Scope.MODELS_WRITE in people.directory.identify(key).scopes
    people.users.change(people.admin, bob.id, UserChange(scopes=("models:list",)))
    assert people.directory.identify(key).scopes == {Scope.MODELS_LIST}
    people.users.change(people.admin, bob.id, UserChange(enabled=False))
    with pytest.raises(Unauthorized, match="disabled"):
        people.directory.identify(key)
    with pytest.raises(Unauthorized):
        people.directory.identify(token)
    with pytest.raises(Unauthorized, match="Incorrect"):
        people.sessions.login("bob", PASSWORD, "")
    people.users.remove(people.admin, bob.id)
    with pytest.raises(Unauthorized, match="not valid"):
        people.directory.identify(key)


def test_people_see_and_revoke_their_own_keys_only(people: People) -> None:
    mine = ["models:read", "models:list", "keys:create"]
    for name in ("bob", "eve"):
        people.users.create(people.admin, name, PASSWORD, mine)
    as_bob, as_eve = (
        people.directory.identify(people.sessions.login(name, PASSWORD, "").access_token)
        for name in ("bob", "eve")
    )
    kept, _ = people.keys.create(as_bob, KeyChange(name="bobs"))
    assert [key.name for key in people.keys.list(as_bob)] == ["bobs"]
    assert people.keys.list(as_eve) == ()
    for touch in (
        lambda: people.keys.revoke(as_eve, kept.id),
        lambda: people.keys.change(as_eve, kept.id, KeyChange(enabled=False)),
    ):
        with pytest.raises(NotFound):
            touch()
    with pytest.raises(Forbidden, match="keys:manage"):
        people.keys.create(as_eve, KeyChange(name="x"), owner="bob")
    assert people.keys.create(people.admin, KeyChange(name="x"), owner="bob")[0].owner_id == 1
    with pytest.raises(Invalid, match="no user 'bbo'") as caught:
        people.keys.create(people.admin, KeyChange(name="x"), owner="bbo")
    assert "bob" in caught.value.hint


@pytest.mark.parametrize(
    "limits",
    [
        KeyChange(allowance=Allowance(requests_per_minute=1)),
        KeyChange(expires_s=(2_000_000.0,)),
        KeyChange(models=(frozenset({"m"}),)),
    ],
)
def test_limits_are_not_left_behind_by_making_or_changing_others(
    people: People, limits: KeyChange
) -> None:
    mine = ("models:list", "models:read", "keys:create", "users:manage")
    bob = people.users.create(people.admin, "bob", PASSWORD, mine)
    wanted = replace(limits, name="limited", scopes=mine)
    kept, key = people.keys.create(people.admin, wanted, owner="bob")
    by = people.directory.identify(key)
    for forbidden in (
        lambda: people.keys.create(by, KeyChange(name="free")),
        lambda: people.keys.change(
            by, kept.id, KeyChange(allowance=Allowance(), models=(None,), expires_s=(None,))
        ),
        lambda: people.users.create(by, "eve", PASSWORD, mine),
        lambda: people.users.change(by, bob.id, UserChange(username="eve")),
    ):
        with pytest.raises(Forbidden, match="'limited' has limits"):
            forbidden()
    people.keys.revoke(by, kept.id)
    _, key = people.keys.create(people.admin, replace(wanted, scopes=("admin",)))
    assert people.keys.create(people.directory.identify(key), KeyChange(name="by admin"))


def test_who_manages_keys_revokes_none_that_may_do_more(people: People) -> None:
    kept, _ = people.keys.create(people.admin, KeyChange(name="boss", scopes=("admin",)))
    _, key = people.keys.create(people.admin, KeyChange(name="clerk", scopes=("keys:manage",)))
    with pytest.raises(Forbidden, match="'admin'"):
        people.keys.revoke(people.directory.identify(key), kept.id)
    people.users.create(people.admin, "bob", PASSWORD, ["admin"])
    own, key = people.keys.create(people.admin, KeyChange(name="k", scopes=("admin",)), owner="bob")
    people.users.change(people.admin, 1, UserChange(scopes=("keys:create",)))
    people.keys.revoke(people.directory.identify(key), own.id), "one's own, whatever it may do"


def test_who_manages_users_does_not_become_an_administrator_by_it(people: People) -> None:
    ann = people.users.set_up("ann", PASSWORD)
    people.users.create(people.admin, "clerk", PASSWORD, ["users:manage"])
    clerk = people.directory.identify(people.sessions.login("clerk", PASSWORD, "").access_token)
    for forbidden in (
        lambda: people.users.create(clerk, "eve", PASSWORD, ["admin"]),
        lambda: people.users.change(clerk, ann.id, UserChange(enabled=False)),
        lambda: people.users.set_password(clerk, ann.id, NEW),
        lambda: people.users.remove(clerk, ann.id),
        lambda: people.users.change(clerk, clerk.user_id or 0, UserChange(scopes=("admin",))),
    ):
        with pytest.raises(Forbidden):
            forbidden()
    assert people.sessions.login("ann", PASSWORD, "")
    with pytest.raises(Conflict):
        people.users.create(people.admin, "ann", PASSWORD, None)


def test_what_was_known_stays_in_use_while_the_store_cannot_be_read(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, key = people.keys.create(people.admin, KeyChange(name="ci"))

    def fail() -> int:
        raise StoreFailed("no disk")

    monkeypatch.setattr(people.store, "identity_revision", fail)
    people.directory.refresh()
    assert people.directory.identify(key).name == "ci"
