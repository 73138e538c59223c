"""Applying a recipe: what it adds, changes, removes, leaves alone, and what it notices later."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.domain.clusters import spec
from tests.unit.services.conftest import House
from xinfer.domain.model import ModelSpec, Origin
from xinfer.domain.replica import Phase
from xinfer.domain.routing import RouteState
from xinfer.errors import Conflict, Invalid


def free(uid: str, **more: object) -> ModelSpec:
    return replace(spec(uid, **more), engine="free")


def test_a_recipe_rules_its_own_models_and_no_others(house: House) -> None:
    house.models.launch(free("mine"))
    first = house.recipes.apply([free("a"), free("b")], "r.yaml")
    assert (first.added, first.changed, first.removed, first.unchanged) == (("a", "b"), (), (), ())
    house.now += 100
    second = house.recipes.apply([free("b", replicas=2), free("c")], "r.yaml")
    assert (second.added, second.changed, second.removed) == (("c",), ("b",), ("a",))
    desired = house.recipes.current()
    assert sorted(desired.models) == ["b", "c", "mine"]
    assert desired.revision == second.revision
    assert desired.models["b"].origin is Origin.RECIPE
    assert desired.models["b"].created_s == 10_000, "a changed model keeps its date"
    assert desired.models["c"].created_s == 10_100


def test_the_same_again_writes_nothing(house: House) -> None:
    house.recipes.apply([free("a")], "r")
    stamp, revision = house.store.stamp(), house.store.desired().revision
    house.now += 100
    again = house.recipes.apply([free("a")], "r")
    assert again.unchanged == ("a",)
    assert again.revision == revision
    assert house.store.stamp() == stamp


def test_the_same_again_has_what_rests_tried_again_once(house: House) -> None:
    house.recipes.apply([free("a"), free("b")], "r")
    house.settle(Phase.FAILED)
    before = house.store.desired()
    again = house.recipes.apply([free("a"), free("b", replicas=0)], "r")
    assert again.changed == ("a", "b")
    attempts = {uid: spec.attempt for uid, spec in house.store.desired().models.items()}
    assert attempts == {"a": 1, "b": 1}
    assert house.store.desired().models["a"].digest() == before.models["a"].digest()
    assert house.recipes.current().drift() == ()
    # The failure that is still reported is that of the attempt before.
    view = house.models.view()
    assert view.routes()["a"].state is RouteState.LOADING
    assert [one.status for one in view.replicas("a")] == [None]
    assert house.recipes.apply([free("a"), free("b", replicas=0)], "r").changed == ()
    house.settle(Phase.FAILED)
    assert house.models.view().routes()["a"].state is RouteState.FAILED


def test_changes_through_the_api_show_as_drift_until_the_recipe_is_applied_again(
    house: House,
) -> None:
    house.recipes.apply([free("a"), free("b"), free("c")], "r")
    house.models.launch(free("mine"))
    assert house.recipes.current().drift() == ()
    house.replicas.scale("a", 5)
    house.models.terminate("b")
    assert house.recipes.current().drift() == ("a", "b")
    changes = house.recipes.apply([free("a"), free("b"), free("c")], "r")
    assert (changes.changed, changes.added, changes.unchanged) == (("a",), ("b",), ("c",))
    assert house.recipes.current().drift() == ()
    assert "mine" in house.recipes.current().models


def test_an_expected_revision_is_compared(house: House) -> None:
    revision = house.recipes.apply([free("a")], "r").revision
    house.models.launch(free("mine"))
    with pytest.raises(Conflict, match=f"not {revision}"):
        house.recipes.apply([], "r", expected=revision)
    assert sorted(house.recipes.current().models) == ["a", "mine"]
    house.recipes.apply([], "r", expected=revision + 1)
    assert sorted(house.recipes.current().models) == ["mine"]


def test_a_uid_of_the_api_is_not_taken_over(house: House) -> None:
    house.models.launch(free("chat"))
    with pytest.raises(Conflict, match="launched through the API"):
        house.recipes.apply([free("CHAT")], "r")


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ([free("a"), free("a")], "twice"),
        ([free("a"), free("A")], "case only"),
        ([free("a/../b")], "not usable"),
        ([free("a", options={"nonsense": 1})], "no option 'nonsense'"),
        ([replace(free("a"), engine="none")], "no engine"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_whole(
    house: House, models: list[ModelSpec], words: str
) -> None:
    with pytest.raises(Invalid, match=words):
        house.recipes.apply([free("good"), *models], "r")
    assert house.recipes.current().models == {}
