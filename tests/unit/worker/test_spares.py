"""How many ways are opened, and at which process of the supervisor they stay."""

from __future__ import annotations

import random

import pytest

from xinfer.worker.spares import Spares


def settle(spares: Spares, names: list[str], chance: random.Random) -> dict[str, int]:
    """Open what is missing where chance puts it; how many stayed at each process."""
    stayed = dict.fromkeys(names, 0)
    for _ in range(10_000):
        if not spares.missing():
            return stayed
        name = chance.choice(names)
        stayed[name] += spares.opened(name, len(names))
    raise AssertionError("it never ends")


@pytest.mark.parametrize("count", [1, 2, 8])
def test_every_process_comes_to_have_as_many(count: int) -> None:
    names = [f"p{number}" for number in range(count)]
    stayed = settle(Spares(), names, random.Random(count))
    assert set(stayed) == set(names)
    assert len(set(stayed.values())) == 1
    assert stayed["p0"] > 1


def test_what_was_used_is_replaced_and_what_waits_is_made_room_for() -> None:
    spares, chance = Spares(), random.Random(1)
    settle(spares, ["a", "b"], chance)
    spares.used("a", 0)
    assert spares.missing() == 1
    assert settle(spares, ["a", "b"], chance) == {"a": 1, "b": 0}
    spares.used("b", 20)
    assert spares.missing() == 21
    assert settle(spares, ["a", "b"], chance) == {"a": 0, "b": 21}
    spares.used("b", 0)
    assert spares.missing() == 0, "there are more than enough now"


def test_a_process_that_was_replaced_is_forgotten() -> None:
    spares, chance = Spares(), random.Random(1)
    kept = settle(spares, ["a", "b"], chance)["a"]
    for _ in range(kept):
        spares.lost("a")
    assert spares.missing() == kept
    assert settle(spares, ["b", "c"], chance) == {"b": 0, "c": kept}
    for _ in range(kept):
        # Their calls go on when it is killed: no idle way tells of its end.
        spares.used("b", 0)
    assert settle(spares, ["c", "d"], chance) == {"c": 0, "d": kept}
