"""Options of engines as people give them: coerced, bounded, and told apart from mistakes."""

from __future__ import annotations

from typing import Any

import pytest

from xinfer.domain.options import Option, check_options
from xinfer.engines.registry import Registry
from xinfer.errors import Invalid

OPTIONS = (
    Option(name="share", type="float", doc="Between the two.", minimum=0, maximum=1),
    Option(name="count", type="int", doc="How many.", minimum=1, aliases=("number",)),
    Option(name="kind", type="str", doc="Which.", choices=("plain", "fancy")),
    Option(name="paths", type="list[str]", doc="Where."),
    Option(name="loud", type="bool", doc="Whether."),
)


def test_values_are_taken_as_they_are_meant() -> None:
    given = {"share": "0.5", "number": 3.0, "kind": "plain", "paths": ["a"], "loud": "no"}
    assert check_options("any", OPTIONS, given) == {
        "share": 0.5,
        "count": 3,
        "kind": "plain",
        "paths": ["a"],
        "loud": False,
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"share": 1.5}, "key.share: 1.5 is more than 1. Between the two."),
        ({"share": -0.1}, "key.share: -0.1 is less than 0. Between the two."),
        ({"share": "nan"}, "key.share: expected float, got str ('nan')"),
        ({"share": float("inf")}, "key.share: expected float, got float (inf)"),
        ({"count": 1.5}, "key.count: expected int, got float (1.5)"),
        ({"count": True}, "key.count: expected int, got bool (True)"),
        ({"kind": "fency"}, "key.kind: 'fency' is not one of plain, fancy. Did you mean 'fancy'?"),
        ({"paths": "a"}, "key.paths: expected list[str], got str ('a')"),
        ({"count": 1, "number": 2}, "key.number: option 'count' is given twice."),
        ({"shear": 1}, "key.shear: engine 'any' has no option 'shear'. Did you mean 'share'?"),
    ],
)
def test_a_mistake_is_named_by_its_key(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_options("any", OPTIONS, given, "key")
    assert str(refused.value).startswith(words)


def test_every_option_of_every_engine_is_typed_and_documented() -> None:
    registry = Registry()
    types = {"bool", "int", "float", "str", "list[str]", "list[float]", "dict"}
    for name in registry.names():
        for option in registry.get(name).options:
            assert option.type in types, option.name
            assert option.doc.endswith("."), option.name
            if option.default is not None:
                checked = check_options(name, (option,), {option.name: option.default})
                assert checked == {option.name: option.default}
