"""Scopes, what they imply, and what a caller is refused."""

from __future__ import annotations

import pytest

from xinfer.domain.identity import (
    ALIASES,
    ALL_SCOPES,
    ANONYMOUS,
    IMPLIED,
    ApiKey,
    Principal,
    Scope,
    User,
    effective,
    read_scopes,
)
from xinfer.errors import Forbidden, Invalid


def caller(*scopes: Scope, models: frozenset[str] | None = None) -> Principal:
    return Principal(id="key:1", name="ci", scopes=effective(scopes), models=models)


def test_admin_may_do_everything_and_others_what_they_imply() -> None:
    assert effective({Scope.ADMIN}) == ALL_SCOPES
    assert effective({Scope.MODELS_WRITE}) == {Scope.MODELS_WRITE, Scope.MODELS_LIST}
    assert effective({Scope.MODELS_READ}) == {Scope.MODELS_READ}
    assert ANONYMOUS.scopes == ALL_SCOPES


@pytest.mark.parametrize("scope", Scope)
def test_one_step_reaches_all_that_is_implied(scope: Scope) -> None:
    once = effective({scope})
    assert effective(once) == once
    assert scope in once
    assert IMPLIED.get(scope, frozenset()) <= once


def test_older_names_mean_todays_scopes() -> None:
    assert read_scopes(ALIASES) == {Scope.MODELS_WRITE, Scope.MODELS_REGISTER}


def test_an_unknown_scope_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(Invalid, match="no scope 'models:wirte'") as caught:
        read_scopes(["models:list", "models:wirte"], "permissions")
    assert caught.value.hint == "Did you mean 'models:write'?"
    assert caught.value.key == "permissions"


def test_a_refusal_names_the_scope_or_the_model() -> None:
    with pytest.raises(Forbidden, match="scope 'models:write', which 'ci'"):
        caller(Scope.MODELS_READ).require(Scope.MODELS_WRITE)
    caller(Scope.MODELS_READ).require_model("anything")
    only = caller(Scope.MODELS_READ, models=frozenset({"a"}))
    only.require_model("a")
    with pytest.raises(Forbidden, match="may not use the model 'b'"):
        only.require_model("b")
    with pytest.raises(Forbidden):
        caller(models=frozenset()).require_model("a")


def test_nobody_grants_more_than_they_have() -> None:
    granter = caller(Scope.KEYS_MANAGE, Scope.MODELS_READ)
    granter.require_whole({Scope.MODELS_READ, Scope.KEYS_CREATE})
    for more in (Scope.ADMIN, Scope.MODELS_WRITE):
        with pytest.raises(Forbidden, match="cannot grant"):
            granter.require_whole({more})


def test_a_key_expires_at_its_second() -> None:
    key = ApiKey(id=1, owner_id=None, name="k", prefix="xf-abcd", digest="d", expires_s=100.0)
    assert [key.has_expired(at) for at in (99.9, 100.0, 1e9)] == [False, True, True]
    assert not ApiKey(id=1, owner_id=None, name="k", prefix="x", digest="d").has_expired(1e12)


def test_no_representation_shows_a_secret() -> None:
    user = User(id=1, username="ann", password_hash="$argon2id$x", scopes=frozenset())
    key = ApiKey(id=1, owner_id=None, name="k", prefix="xf-abcd", digest="0123456789abcdef")
    assert "argon2id" not in repr(user)
    assert "0123456789" not in repr(key)
